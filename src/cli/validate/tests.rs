//! `validate` over files in a directory of their own.

use std::{env, fs, path::PathBuf, process};

use super::{Report, check_files};

const GOOD: &str = "\
apiVersion: ami-operator.dev/v1alpha1
kind: ImageReplication
metadata:
  name: web
spec:
  source: {imageBuildRef: {name: web}}
  destinations:
    - region: eu-west-1
";

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {regoin: here}\n";

/// Removes itself, also when the test fails.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = env::temp_dir().join(format!("ami-operator-validate-{test}-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The report on the files, and the printed lines without the directory.
    fn check(&self, files: &[PathBuf]) -> (Report, Vec<String>) {
        let mut out = Vec::new();
        let report = check_files(files, &mut out).unwrap();
        let prefix = format!("{}/", self.0.display());
        let text = String::from_utf8(out).unwrap().replace(&prefix, "");
        (report, text.lines().map(str::to_owned).collect())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The lines printed for one file of this text.
fn lines(test: &str, manifests: &str) -> Vec<String> {
    let directory = Directory::new(test);
    let file = directory.file("a.yaml", manifests);
    directory.check(&[file]).1
}

#[test]
fn a_good_manifest_has_no_problems() {
    let directory = Directory::new("good");
    let file = directory.file("web.yaml", GOOD);
    let (report, lines) = directory.check(&[file]);
    assert_eq!(lines, Vec::<String>::new());
    assert_eq!(report, Report { checked: 1, ..Report::default() });
}

#[test]
fn a_problem_names_file_line_object_and_field() {
    let text = GOOD.replace("eu-west-1", "europe");
    assert_eq!(
        lines("place", &text),
        ["a.yaml:8: ImageReplication/web: spec.destinations[0].region: \"europe\" does not match \
          ^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$ (Region to copy into, such as `eu-west-1`)"]
    );
}

#[test]
fn a_misspelt_field_is_found_where_it_stands() {
    let text = format!("{GOOD}  destnations: []\n");
    let found = lines("misspelt", &text);
    assert!(
        found[0].starts_with("a.yaml:9: ImageReplication/web: spec.destnations: unknown field"),
        "{found:?}"
    );
}

#[test]
fn a_missing_field_is_reported_where_it_belongs() {
    let text = GOOD.replace("  source: {imageBuildRef: {name: web}}\n", "");
    let found = lines("missing", &text);
    assert!(
        found[0].starts_with("a.yaml:5: ImageReplication/web: spec.source: is required (The image to copy"),
        "{found:?}"
    );
}

#[test]
fn a_broken_rule_says_what_to_write() {
    let text = GOOD.replace("{imageBuildRef: {name: web}}", "{}");
    assert_eq!(
        lines("rule", &text),
        [
            "a.yaml:6: ImageReplication/web: spec.source: give exactly one of imageBuildRef, imageBuildSelector or image"
        ]
    );
}

#[test]
fn lines_are_counted_from_the_start_of_the_file() {
    let text = format!("# first\n---\n{CONFIG_MAP}---\n{GOOD}---\n{}", GOOD.replace("eu-west-1", "europe"));
    let found = lines("documents", &text);
    assert!(found[0].starts_with("a.yaml:24: "), "{found:?}");
    assert_eq!(found.len(), 1);
}

#[test]
fn other_kinds_and_empty_documents_are_passed_over() {
    let directory = Directory::new("others");
    let file = directory.file("all.yaml", &format!("---\n---\n{CONFIG_MAP}---\n{GOOD}---\njust: values\n"));
    let (report, lines) = directory.check(&[file]);
    assert_eq!(lines, Vec::<String>::new());
    assert_eq!(report, Report { checked: 1, others: 2, ..Report::default() });
}

#[test]
fn objects_in_a_list_are_checked_one_by_one() {
    let items = GOOD.replace("eu-west-1", "europe").replace('\n', "\n    ");
    let found = lines("list", &format!("apiVersion: v1\nkind: List\nitems:\n  - {}\n", items.trim_end()));
    assert!(
        found[0].starts_with("a.yaml:11: ImageReplication/web: spec.destinations[0].region: "),
        "{found:?}"
    );
}

#[test]
fn every_problem_of_an_object_is_reported_in_the_order_of_the_lines() {
    let text = GOOD.replace("eu-west-1", "europe").replace("name: web\n", "name: web\n  lables: {}\n");
    let at: Vec<_> =
        lines("order", &text).iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(at, ["a.yaml:5", "a.yaml:9"]);
}

#[test]
fn yes_without_quotes_is_a_boolean_as_it_is_to_kubectl() {
    let found = lines("yes", &format!("{GOOD}  tags:\n    quoted: \"yes\"\n    backup: yes\n"));
    assert_eq!(
        found,
        [
            "a.yaml:11: ImageReplication/web: spec.tags[backup]: must be a string, not a boolean: put it in quotes"
        ]
    );
}

#[test]
fn merged_mappings_count_as_written_out() {
    let text = format!("{GOOD}  tags: &tags\n    a: b\n---\n{GOOD}  tags: {{<<: {{a: 1}}}}\n");
    let found = lines("merge", &text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("a.yaml:20: ImageReplication/web: spec.tags[a]: must be a string"),
        "{found:?}"
    );
}

#[test]
fn text_that_is_not_yaml_is_a_problem_with_a_line() {
    let found = lines("yaml", "a: 1\nb: [\n");
    assert!(found[0].starts_with("a.yaml:3: not YAML: "), "{found:?}");
}

#[test]
fn a_key_given_twice_is_a_problem() {
    assert_eq!(lines("twice", "a: 1\na: 2\n"), ["a.yaml:2: not YAML: duplicated key in mapping"]);
}

#[test]
fn a_file_that_is_not_there_does_not_hide_the_others() {
    let directory = Directory::new("unreadable");
    let good = directory.file("good.yaml", GOOD);
    let (report, _) = directory.check(&[directory.0.join("none.yaml"), good]);
    assert_eq!(report, Report { checked: 1, unreadable: 1, ..Report::default() });
}

#[test]
fn the_exit_code_tells_problems_from_unreadable_files() {
    let code = |problems, unreadable| {
        let report = Report { problems, unreadable, ..Report::default() };
        format!("{:?}", report.exit_code())
    };
    let expected = [0, 1, 2, 2].map(|code: u8| format!("{:?}", process::ExitCode::from(code)));
    assert_eq!([code(0, 0), code(3, 0), code(0, 1), code(3, 1)], expected);
}
