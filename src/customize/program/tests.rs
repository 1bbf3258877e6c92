use super::{program as program_of, *};
use crate::{
    api::image_build::{EnvVar, Script, Upgrade},
    customize::{
        USER_DATA_LIMIT,
        tests::machine::{agent, file, from, minutes, nonce, packages, script, steps},
    },
    model::ClientToken,
};

fn program(customize: &Customize, nonce: &Nonce) -> String {
    program_of(customize, &Contents::default(), nonce, Encoding::Plain)
}

fn text(steps_of_it: impl Into<Vec<Step>>) -> String {
    program(&steps(steps_of_it), &nonce())
}

fn with_script(change: impl FnOnce(&mut Script)) -> String {
    let mut step = script("harden", "true");
    change(step.script.as_mut().unwrap());
    let text = text([step]);
    text.lines().find(|line| line.starts_with("step 'harden'")).unwrap().to_owned()
}

/// Three quarters of the space are for what steps carry.
#[test]
fn one_step_with_the_usual_cleanup_takes_a_quarter_of_the_space() {
    let bytes = text([script("harden", "true")]).len();
    assert!(bytes <= USER_DATA_LIMIT / 4, "{bytes} bytes");
}

#[test]
fn functions_that_no_step_needs_are_not_sent() {
    let bare = program(&Customize { cleanup: Cleanup::None, ..Customize::default() }, &nonce());
    for function in [
        "restart()",
        "within()",
        "built_in()",
        "cleanup()",
        "write()",
        "run()",
        "PACKAGES=",
        "SERVICES=",
        "ACCOUNT=",
        "AGENT=",
    ] {
        assert!(!bare.contains(function), "{function}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let steps = [script("harden", "echo hello\n"), packages("all", Upgrade::All, &["nginx"], &[])];
    assert_eq!(text(steps.clone()), text(steps));
}

#[test]
fn another_attempt_has_other_bytes() {
    let other = Nonce::for_token(&ClientToken("another".to_owned()));
    assert_ne!(text([]), program(&steps([]), &other));
}

#[test]
fn nonce_and_timeout_stand_on_lines_of_their_own() {
    let text = program(&Customize { timeout: minutes(30), ..steps([]) }, &nonce());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "#!/bin/sh");
    assert!(lines.contains(&format!("NONCE='{}'", nonce()).as_str()));
    assert!(lines.contains(&"TIMEOUT=1800"));
    assert!(!["@NONCE@", "@TIMEOUT@", "@STEPS@"].iter().any(|left| text.contains(left)), "{text}");
}

#[test]
fn a_step_is_announced_and_carries_its_content_as_base64() {
    let expected = concat!(
        "\n#step {\"name\":\"harden\",\"action\":\"script\"}\n",
        "step 'harden' run /bin/sh <<'CONTENT'\n",
        "ZWNobyBoZWxsbwo=\n",
        "CONTENT\n",
        "\n",
        "#step {\"name\":\"motd\",\"action\":\"file\",\"path\":\"/etc/motd\",\"mode\":\"0640\",\"owner\":\"root:root\"}\n",
        "step 'motd' write '/etc/motd' '0640' 'root:root' <<'CONTENT'\n",
        "Z29sZGVuIGltYWdlCg==\n",
        "CONTENT\n",
        "\n",
        "cleanup\n",
        "finish succeeded\n",
    );
    let text = text([script("harden", "echo hello\n"), file("motd", "/etc/motd", "golden image\n")]);
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_script_with_an_interpreter_line_is_run_as_it_is() {
    assert_eq!(
        with_script(|s| s.inline = Some("#!/usr/bin/python3\n".to_owned())),
        "step 'harden' run <<'CONTENT'"
    );
}

#[test]
fn options_of_a_script_are_words_before_it() {
    let line = with_script(|s| {
        s.interpreter = Some("bash".to_owned());
        s.env = vec![EnvVar { name: "LEVEL".to_owned(), value: "it's 2".to_owned() }];
        s.working_directory = Some("/opt/app".to_owned());
        s.timeout = Some(minutes(10));
    });
    let expected = "step 'harden' within 600 run sh -c 'cd \"$0\" && exec \"$@\"' '/opt/app' env 'LEVEL=it'\\''s 2' bash <<'CONTENT'";
    assert_eq!(line, expected);
}

#[test]
fn a_part_of_a_second_counts_as_a_whole_one() {
    let half = std::time::Duration::from_millis(1500);
    assert!(with_script(|s| s.timeout = Some(half.into())).contains(" within 2 "));
}

#[test]
fn binary_data_is_sent_without_its_blanks() {
    let mut step = file("key", "/etc/key", "");
    let file = step.file.as_mut().unwrap();
    (file.content, file.binary_data) = (None, Some(" AAEC\n/v9=\n".to_owned()));
    assert!(text([step]).contains("<<'CONTENT'\nAAEC/v8=\nCONTENT\n"));
}

#[test]
fn long_content_is_wrapped() {
    let text = text([script("long", &"x".repeat(1000))]);
    let content = text.lines().skip_while(|line| !line.ends_with("<<'CONTENT'")).skip(1);
    let lengths: Vec<usize> = content.take_while(|line| *line != "CONTENT").map(str::len).collect();
    assert_eq!(lengths, [vec![76; 17], vec![44]].concat());
}

#[test]
fn cleanup_can_be_left_out() {
    let text = program(&Customize { cleanup: Cleanup::None, ..steps([]) }, &nonce());
    assert!(!text.contains("\ncleanup"), "{text}");
}

#[test]
fn fifty_small_steps_fit_as_text() {
    let steps: Vec<Step> =
        (0..50).map(|i| script(&format!("step-{i}"), "set -eu\nsysctl -w a.b=1\n")).collect();
    let bytes = text(steps).len();
    assert!(bytes <= USER_DATA_LIMIT, "{bytes} bytes");
}

#[test]
fn a_value_that_looks_like_a_mail_makes_none_of_it() {
    let mut step = script("mail", "true");
    step.script.as_mut().unwrap().env =
        vec![EnvVar { name: "HEADER".to_owned(), value: "Mime-version: 1.0".to_owned() }];
    let bare = Customize { cleanup: Cleanup::None, ..steps([step]) };
    let text = program(&bare, &nonce());
    assert!(text.starts_with("#!/bin/sh\n####"), "{text}");
    assert!(text.find("Mime-version").unwrap() > 4096);
}

#[test]
fn a_script_from_a_source_is_what_that_held() {
    let mut step = script("boot", "");
    let asked = step.script.as_mut().unwrap();
    (asked.inline, asked.from) = (None, Some(from("scripts", "boot.py")));
    let held = Contents::from_iter([("boot".to_owned(), b"#!/usr/bin/python3\n\xff".to_vec())]);
    let text = program_of(&steps([step]), &held, &nonce(), Encoding::Plain);
    assert!(
        text.contains("\nstep 'boot' run <<'CONTENT'\nIyEvdXNyL2Jpbi9weXRob24zCv8=\nCONTENT\n"),
        "{text}"
    );
}

#[test]
fn the_agent_gets_its_configuration_as_content() {
    let text = text([agent("watch", "{}")]);
    let expected = "\n#step {\"name\":\"watch\",\"action\":\"monitoring\"}\nstep 'watch' monitor <<'CONTENT'\ne30=\nCONTENT\n";
    assert!(text.contains(expected), "{text}");
}
