//! The generated program in real shells.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use proptest::prelude::*;

use super::{
    Outcome, StepReport, Verdict,
    machine::{Machine, Shell, from, in_every_shell, nonce, results, script},
    program::Encoding,
};
use crate::api::image_build::{Step, StepResult};

fn log_of(shell: &Shell, inline: &str) -> Vec<String> {
    Machine::new().run(shell, &[script("talk", inline)]).log
}

/// Neither running nor a zombie that waits for its parent.
fn has_ended(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
    stat.rsplit(") ").next().is_none_or(|state| state.is_empty() || state.starts_with(['Z', 'X']))
}

pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn steps_that_succeed_are_told_and_the_machine_powers_off() {
    in_every_shell(|shell, machine| {
        let steps =
            [script("one", "exit 0"), machine.file("two", "made/motd", "golden\n"), script("three", "true")];
        let verdict = machine.run(shell, &steps);
        assert_eq!(verdict.outcome, Some(Outcome::Succeeded), "{shell:?}");
        let succeeded = |name| (name, StepResult::Succeeded, Some(0));
        assert_eq!(results(&verdict), [succeeded("one"), succeeded("two"), succeeded("three")], "{shell:?}");
        assert_eq!((verdict.log, machine.read("power").as_str()), (vec![], "off\n"), "{shell:?}");
    });
}

#[test]
fn nothing_to_do_is_a_success() {
    in_every_shell(|shell, machine| {
        let verdict = machine.run(shell, &[]);
        assert_eq!(verdict, Verdict { outcome: Some(Outcome::Succeeded), ..Verdict::default() }, "{shell:?}");
    });
}

#[test]
fn the_first_step_that_fails_is_the_last() {
    in_every_shell(|shell, machine| {
        let never = machine.file("never", "never", "");
        let verdict =
            machine.run(shell, &[script("fine", "true"), script("broken", "echo reason\nexit 3\n"), never]);
        assert_eq!(verdict.outcome, Some(Outcome::Failed), "{shell:?}");
        let expected = [("fine", StepResult::Succeeded, Some(0)), ("broken", StepResult::Failed, Some(3))];
        assert_eq!(results(&verdict), expected, "{shell:?}");
        assert_eq!(verdict.log, ["reason"], "{shell:?}");
        assert_eq!(
            (machine.path("never").exists(), machine.read("power").as_str()),
            (false, "off\n"),
            "{shell:?}"
        );
    });
}

#[test]
fn the_verdict_is_printed_three_times_and_last() {
    in_every_shell(|shell, machine| {
        machine.run(shell, &[script("one", "exit 1")]);
        let console = machine.read("console");
        let last: Vec<&str> = console.lines().rev().take(4).collect();
        let verdict = format!("::ami-operator:{}:verdict failed:", nonce());
        assert_eq!(
            last.iter().map(|line| line.starts_with(&verdict)).collect::<Vec<_>>(),
            [true, true, true, false]
        );
    });
}

#[test]
fn the_last_twenty_lines_of_a_failing_step_are_told() {
    in_every_shell(|shell, _| {
        let lines = log_of(shell, "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo \"line $i\"; done; exit 1");
        assert_eq!(lines, (481..=500).map(|n| format!("line {n}")).collect::<Vec<_>>(), "{shell:?}");
    });
}

#[test]
fn both_outputs_and_odd_lines_are_told_in_order() {
    in_every_shell(|shell, _| {
        let talk = "echo out; echo err >&2; echo; printf 'tab\\there\\r\\n'; printf '  - \\\\n %%s  no newline'; exit 1";
        assert_eq!(
            log_of(shell, talk),
            ["out", "err", "", "tab\\there", "  - \\n %s  no newline"],
            "{shell:?}"
        );
    });
}

#[test]
fn a_long_line_is_cut() {
    in_every_shell(|shell, _| {
        let log = log_of(shell, "head -c 30000 /dev/zero | tr '\\0' x; echo; echo end; exit 1");
        assert_eq!(log, ["x".repeat(200), "end".to_owned()], "{shell:?}");
    });
}

#[test]
fn a_step_that_never_stops_talking_fills_no_disk() {
    in_every_shell(|shell, machine| {
        let state = machine.path("state").display().to_string();
        let size = format!("set -- $(du -sk {state}); [ \"$1\" -lt 900 ] || echo too much: $1 KiB");
        let talk = format!("yes | head -c 5242880\n{size}\necho end\nexit 1");
        let verdict = machine.run(shell, &[script("talk", &talk)]);
        assert_eq!(verdict.log, [vec!["y"; 19], vec!["end"]].concat(), "{shell:?}");
    });
}

#[test]
fn a_step_ends_at_the_timeout_with_everything_it_started() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_timeout(Duration::from_secs(5));
        let child = machine.path("child");
        let hang = format!("sleep 300 &\necho $! >{}\necho hanging\nwait", child.display());
        let verdict = machine.run(shell, &[script("hang", &hang), script("never", "true")]);
        assert_eq!(verdict.outcome, Some(Outcome::Failed), "{shell:?}");
        assert_eq!(results(&verdict), [("hang", StepResult::Failed, Some(124))], "{shell:?}");
        assert_eq!(verdict.log, ["hanging"], "{shell:?}");
        wait_until("the step's child has ended", || has_ended(&machine.read("child")));
    });
}

#[test]
fn no_step_begins_when_the_time_is_up() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_timeout(Duration::ZERO);
        let verdict = machine.run(shell, &[machine.file("late", "late", "")]);
        assert_eq!(results(&verdict), [("late", StepResult::Failed, Some(124))], "{shell:?}");
        assert!(!machine.path("late").exists(), "{shell:?}");
    });
}

#[test]
fn a_process_that_a_step_leaves_behind_holds_up_nothing() {
    in_every_shell(|shell, machine| {
        let (in_group, outside) = (machine.path("in-group"), machine.path("outside"));
        let leave = format!("sleep 60 & echo $! >{}", in_group.display());
        let fail = format!("setsid sleep 60 & echo $! >{}; echo log; exit 5", outside.display());
        let started = Instant::now();
        let verdict = machine.run(shell, &[script("leave", &leave), script("fail", &fail)]);
        assert_eq!(results(&verdict)[1], ("fail", StepResult::Failed, Some(5)), "{shell:?}");
        assert_eq!(verdict.log, ["log"], "{shell:?}");
        assert!(started.elapsed() < Duration::from_secs(50), "{shell:?}");
        assert!(!has_ended(&machine.read("in-group")), "{shell:?}: a later step may need it");
        for process in [machine.read("in-group"), machine.read("outside")] {
            Command::new("kill").arg(process.trim()).status().unwrap();
        }
    });
}

#[test]
fn the_dead_man_timer_powers_off_when_the_program_is_gone() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_timeout(Duration::from_secs(5)).with("GRACE", "0");
        let survived = machine.path("power");
        machine.run(shell, &[]);
        assert_eq!(fs::read_to_string(&survived).unwrap(), "off\n", "{shell:?}");
        wait_until("the timer fires", || fs::read_to_string(&survived).unwrap() == "off\noff\n");
    });
}

#[test]
fn a_second_run_does_nothing() {
    in_every_shell(|shell, machine| {
        machine.run(shell, &[script("one", "true")]);
        let console = machine.read("console");
        machine.run(shell, &[script("one", "true")]);
        assert_eq!(
            (machine.read("console"), machine.read("power").as_str()),
            (console, "off\n"),
            "{shell:?}"
        );
    });
}

#[test]
fn a_machine_that_an_earlier_boot_left_half_customised_is_given_up() {
    in_every_shell(|shell, machine| {
        fs::create_dir(machine.path("work")).unwrap();
        let verdict = machine.run(shell, &[script("one", "true")]);
        assert_eq!((verdict.outcome, results(&verdict)), (Some(Outcome::Failed), vec![]), "{shell:?}");
        assert!(verdict.log[0].contains("exists"), "{shell:?}: {:?}", verdict.log);
        assert!(!machine.path("work").exists(), "{shell:?}");
    });
}

#[test]
fn no_copy_of_the_user_data_stays_in_the_image() {
    in_every_shell(|shell, machine| {
        let ours = ["user-data.txt", "user-data.txt.i", "obj.pkl"]
            .map(|name| format!("root/var/lib/cloud/instance/{name}"));
        ours.iter()
            .chain(["root/var/lib/cloud/instance/vendor-data.txt".to_owned()].iter())
            .for_each(|name| fs::write(machine.path(name), "").unwrap());
        machine.run(shell, &[script("one", "true")]);
        assert!(ours.iter().all(|name| !machine.path(name).exists()), "{shell:?}");
        assert!(
            !machine.path("program").exists()
                && !machine.path("work").exists()
                && machine.path("root/var/lib/cloud/instance/vendor-data.txt").exists(),
            "{shell:?}"
        );
    });
}

#[test]
fn the_serial_port_is_told_too_unless_it_is_the_console() {
    in_every_shell(|shell, machine| {
        fs::write(machine.path("serial"), "").unwrap();
        fs::write(machine.path("consoles"), "ttyS0 tty0\n").unwrap();
        machine.run(shell, &[script("one", "true")]);
        assert_eq!(machine.read("serial"), machine.read("console"), "{shell:?}");
        let machine = Machine::new();
        fs::write(machine.path("serial"), "").unwrap();
        fs::write(machine.path("consoles"), "tty0 ttyS0\n").unwrap();
        machine.run(shell, &[script("one", "true")]);
        assert_eq!(machine.read("serial"), "", "{shell:?}");
    });
}

#[test]
fn a_program_chooses_its_interpreter() {
    in_every_shell(|shell, machine| {
        let verdict = machine
            .run(shell, &[script("cat", "#!/bin/cat\nexit 1\n"), script("none", "#!/no/such/program\n")]);
        assert_eq!(results(&verdict)[0], ("cat", StepResult::Succeeded, Some(0)), "{shell:?}");
        assert_eq!(results(&verdict)[1].1, StepResult::Failed, "{shell:?}");
    });
}

#[test]
fn a_step_has_a_home_and_a_plain_environment() {
    in_every_shell(|shell, machine| {
        let seen = machine.path("seen").display().to_string();
        machine.run(shell, &[script("look", &format!("{{ pwd; echo $HOME; umask; cat; }} >{seen}"))]);
        assert_eq!(machine.read("seen"), "/\n/root\n0022\n", "{shell:?}");
    });
}

#[test]
fn a_file_replaces_what_was_there_with_mode_and_without_rests() {
    in_every_shell(|shell, machine| {
        fs::write(machine.path("motd"), "old and longer than what follows").unwrap();
        machine.run(shell, &[machine.file("motd", "motd", "new")]);
        let mode = fs::metadata(machine.path("motd")).unwrap().permissions().mode();
        assert_eq!((machine.read("motd").as_str(), mode & 0o7777), ("new", 0o640), "{shell:?}");
        let rests = fs::read_dir(machine.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(rests.filter(|name| name.to_str().unwrap().starts_with('.')).count(), 0, "{shell:?}");
    });
}

#[test]
fn a_file_that_cannot_be_written_fails_with_the_reason() {
    in_every_shell(|shell, machine| {
        let mut nobody = machine.file("owner", "owned", "x");
        nobody.file.as_mut().unwrap().owner = "no-such-user".to_owned();
        let verdict = machine.run(shell, &[nobody]);
        assert_eq!(results(&verdict), [("owner", StepResult::Failed, Some(1))], "{shell:?}");
        assert!(verdict.log[0].contains("no-such-user"), "{shell:?}: {:?}", verdict.log);
        assert!(!machine.path("owned").exists(), "{shell:?}");
    });
}

#[test]
fn a_content_that_cannot_be_unpacked_fails() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_encoding(Encoding::Packed);
        fs::create_dir_all(machine.path("commands")).unwrap();
        machine.has_command("gzip", "cat >&2; exit 1");
        let verdict = machine.run(shell, &[machine.file("motd", "motd", "x")]);
        assert_eq!(verdict.outcome, Some(Outcome::Failed), "{shell:?}");
        assert!(!machine.path("motd").exists(), "{shell:?}");
    });
}

#[test]
fn a_file_does_not_move_into_a_directory_of_its_name() {
    in_every_shell(|shell, machine| {
        fs::create_dir(machine.path("taken")).unwrap();
        let verdict = machine.run(shell, &[machine.file("taken", "taken", "x")]);
        assert_eq!(verdict.outcome, Some(Outcome::Failed), "{shell:?}");
        assert_eq!(verdict.log, [format!("{} is a directory", machine.path("taken").display())], "{shell:?}");
    });
}

#[test]
fn a_path_is_a_path_whatever_it_contains() {
    in_every_shell(|shell, machine| {
        let name = "it's $(touch hit) `touch hit` \"größe\"\\ * <<'CONTENT'";
        machine.run(shell, &[machine.file("odd", &format!("{name}/{name}"), "x")]);
        assert_eq!(machine.read(&format!("{name}/{name}")), "x", "{shell:?}");
    });
}

#[test]
fn time_is_told_in_whole_seconds() {
    in_every_shell(|shell, machine| {
        let verdict = machine.run(shell, &[script("nap", "sleep 1")]);
        let StepReport { seconds, .. } = &verdict.steps[0];
        assert!(matches!(seconds, Some(1..=9)), "{shell:?}: {seconds:?}");
    });
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let hostile = "(CONTENT\n|'|\\$\\(exit 9\\)|\r\n|\\\\|\u{0}|é|\u{1F600}|[ -~]{0,80}|\n){0,40}";
    prop_oneof![any::<Vec<u8>>(), hostile.prop_map(String::into_bytes)]
}

fn encoding() -> impl Strategy<Value = Encoding> {
    prop_oneof![Just(Encoding::Plain), Just(Encoding::Packed)]
}

/// A file and a script that copies itself, both with this content, from wherever it can come.
fn carriers(machine: &Machine, content: &[u8]) -> ([Step; 3], Vec<u8>) {
    let text = String::from_utf8_lossy(content).into_owned();
    let given = machine.file("given", "given", &text);
    let mut binary = machine.file("binary", "binary", "");
    let file = binary.file.as_mut().unwrap();
    (file.content, file.binary_data) = (None, Some(BASE64_STANDARD.encode(content)));
    let mut kept = script("kept", "");
    let asked = kept.script.as_mut().unwrap();
    (asked.inline, asked.from) = (None, Some(from("scripts", "kept")));
    let copy = format!("cat \"$0\" >{}; exit 0\n", machine.path("kept").display());
    ([given, binary, kept], [copy.as_bytes(), content].concat())
}

fn assert_arrives(shell: &Shell, machine: Machine, encoding: Encoding, content: &[u8]) {
    let (steps, program) = carriers(&machine, content);
    let machine = machine.with_encoding(encoding).with_content("kept", &program);
    let verdict = machine.run(shell, &steps);
    assert_eq!(verdict.outcome, Some(Outcome::Succeeded), "{shell:?}: {:?}", verdict.log);
    let read = |name: &str| fs::read(machine.path(name)).unwrap();
    assert_eq!(read("given"), String::from_utf8_lossy(content).as_bytes(), "{shell:?}");
    assert_eq!((read("binary"), read("kept")), (content.to_vec(), program), "{shell:?}");
}

#[test]
fn every_byte_arrives() {
    let bytes: Vec<u8> = (0..=255).collect();
    for encoding in [Encoding::Plain, Encoding::Packed] {
        in_every_shell(|shell, machine| assert_arrives(shell, machine, encoding, &bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn content_arrives_byte_for_byte(content in content(), encoding in encoding()) {
        in_every_shell(|shell, machine| assert_arrives(shell, machine, encoding, &content));
    }
}
