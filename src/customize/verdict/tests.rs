use proptest::prelude::*;

use super::*;
use crate::{customize::tests::machine::nonce, model::ClientToken};

fn line_of(nonce: &Nonce, payload: &str) -> String {
    format!("::ami-operator:{nonce}:{payload}:{}::\n", cksum(payload.as_bytes()))
}

fn line(payload: &str) -> String {
    line_of(&nonce(), payload)
}

fn log(text: impl AsRef<[u8]>) -> String {
    line(&format!("log {}", BASE64_STANDARD.encode(text)))
}

/// The lines of a guest whose second step failed.
fn failed() -> Vec<String> {
    let payloads =
        ["begin 2", "step one started", "step one succeeded 0 4", "step two started", "step two failed 3 1"];
    let mut lines: Vec<String> = payloads.iter().map(|payload| line(payload)).collect();
    lines.extend([log("first"), log("first"), log("last")]);
    lines.push(line("cleaned SSH host keys"));
    lines.extend((0..3).map(|_| line("verdict failed")));
    lines
}

fn read(console: &str) -> Verdict {
    read_verdict(console, &nonce())
}

fn step(name: &str, result: StepResult, exit_code: i32, seconds: u32) -> StepReport {
    StepReport { name: name.to_owned(), result, exit_code: Some(exit_code), seconds: Some(seconds) }
}

fn expected() -> Verdict {
    Verdict {
        outcome: Some(Outcome::Failed),
        steps: vec![step("one", StepResult::Succeeded, 0, 4), step("two", StepResult::Failed, 3, 1)],
        log: vec!["first".to_owned(), "first".to_owned(), "last".to_owned()],
        cleaned: vec!["SSH host keys".to_owned()],
    }
}

#[test]
fn steps_log_and_outcome_are_read() {
    assert_eq!(read(&failed().concat()), expected());
}

#[test]
fn an_empty_console_says_nothing() {
    assert_eq!(read(""), Verdict::default());
}

#[test]
fn a_step_under_way_has_no_exit_code() {
    let running =
        StepReport { name: "one".to_owned(), result: StepResult::Running, exit_code: None, seconds: None };
    assert_eq!(read(&line("step one started")), Verdict { steps: vec![running], ..Verdict::default() });
}

#[test]
fn the_words_of_another_nonce_are_noise() {
    let other = Nonce::for_token(&ClientToken("another".to_owned()));
    let forged = line_of(&other, "verdict succeeded")
        + &line_of(&other, "step evil failed 1 1")
        + &line_of(&other, "log eA==");
    assert_eq!(read(&(forged.clone() + &failed().concat() + &forged)), expected());
}

#[test]
fn a_line_with_a_wrong_checksum_is_noise() {
    let forged = format!("::ami-operator:{}:verdict succeeded:1::\n", nonce());
    assert_eq!(read(&(forged + &failed().concat())), expected());
}

#[test]
fn carriage_returns_and_noise_around_a_line_do_no_harm() {
    let noisy: Vec<String> =
        failed().iter().map(|line| format!("[  12.3] audit: x{}", line.replace('\n', "\r\r\n"))).collect();
    assert_eq!(read(&noisy.concat()), expected());
}

#[test]
fn lines_of_the_kernel_in_between_do_no_harm() {
    let console = failed().join("[   35.104] EXT4-fs (nvme0n1p1): re-mounted ::ami-operator:\n");
    assert_eq!(read(&console), expected());
}

#[test]
fn two_consoles_that_say_the_same_are_one() {
    let doubled: String = failed().iter().map(|line| line.repeat(2)).collect();
    assert_eq!(read(&doubled), expected());
}

#[test]
fn a_line_that_one_of_two_consoles_lost_is_still_there() {
    let lines = failed();
    let doubled: String = lines[..7].iter().map(|line| line.repeat(2)).collect();
    assert_eq!(read(&(doubled + &lines[7] + &lines[8] + &lines[9])), expected());
}

#[test]
fn a_console_without_its_head_keeps_the_verdict() {
    let console = failed().concat();
    let verdict = read(&console[console.find("verdict").unwrap()..]);
    assert_eq!(verdict, Verdict { outcome: Some(Outcome::Failed), ..Verdict::default() });
}

/// EC2 keeps the last 64 KiB of a console.
#[test]
fn a_console_that_was_cut_anywhere_says_nothing_untrue() {
    let chatter = "[  100.000000] audit: type=1400 apparmor=DENIED\n".repeat(3);
    let console = failed().join(&chatter);
    for start in 0..console.len() {
        let verdict = read(&console[start..]);
        assert!(verdict.outcome != Some(Outcome::Succeeded), "{start}");
        for step in &verdict.steps {
            assert!(
                expected().steps.contains(step) || step.result == StepResult::Running,
                "{start}: {step:?}"
            );
        }
        assert!(expected().log.ends_with(&verdict.log), "{start}: {:?}", verdict.log);
    }
}

#[test]
fn a_line_that_was_cut_and_said_again_counts_once() {
    for cut in 0..60 {
        let halves: String =
            failed().iter().flat_map(|line| [&line[..cut.min(line.len() - 4)], line]).collect();
        assert_eq!(read(&halves), expected(), "{cut}");
    }
}

#[test]
fn a_message_of_the_kernel_inside_of_a_line_costs_that_line_only() {
    let verdict = line("verdict succeeded");
    for at in 3..verdict.len() - 3 {
        let (start, end) = verdict.split_at(at);
        let console = format!("{start}[   35.1] random: crng init done\r\n{end}");
        assert_eq!(read(&console), Verdict::default(), "{at}");
        assert_eq!(read(&(console + &verdict)).outcome, Some(Outcome::Succeeded), "{at}");
    }
}

#[test]
fn words_without_a_checksum_are_noise() {
    let bare = format!("::ami-operator:{}:verdict succeeded::\n", nonce());
    let words = "verdict succeeded\nstep evil failed 1 1\n".to_owned();
    assert_eq!(read(&(bare + &words + &failed().concat())), expected());
}

#[test]
fn one_whole_verdict_of_three_is_enough() {
    let verdict = line("verdict succeeded");
    let (half, rest) = verdict.split_at(60);
    let console = format!("{half}[ 40.1] systemd-shutdown: bye\n{rest}{half}{verdict}{half}");
    assert_eq!(read(&console).outcome, Some(Outcome::Succeeded));
}

#[test]
fn success_with_a_failed_step_is_a_failure() {
    let console = line("verdict succeeded") + &line("step one failed 1 1");
    assert_eq!(read(&console).outcome, Some(Outcome::Failed));
}

#[test]
fn both_verdicts_are_a_failure_in_any_order() {
    let (good, bad) = (line("verdict succeeded"), line("verdict failed"));
    assert_eq!(read(&(good.clone() + &bad)).outcome, Some(Outcome::Failed));
    assert_eq!(read(&(bad + &good)).outcome, Some(Outcome::Failed));
}

#[test]
fn a_failed_step_without_a_verdict_is_no_verdict() {
    assert_eq!(read(&line("step one failed 1 1")).outcome, None);
}

#[test]
fn a_step_that_succeeds_with_an_exit_code_has_failed() {
    assert_eq!(read(&line("step one succeeded 3 1")).steps, [step("one", StepResult::Failed, 3, 1)]);
}

#[test]
fn a_finished_step_does_not_start_again() {
    let console = line("step one succeeded 0 1") + &line("step one started");
    assert_eq!(read(&console).steps, [step("one", StepResult::Succeeded, 0, 1)]);
}

#[test]
fn names_and_numbers_that_the_program_cannot_print_are_noise() {
    for payload in [
        "step Über started",
        "step  started",
        "step one failed 99999999999 1",
        "step one failed 1 -1",
        "step one started again",
        "step one",
        "verdict",
        "verdict perhaps",
        "log a b",
        "cleaned",
        "cleaned ",
        "cleaned all: \u{1b}[31m",
        "cleaned everything and more than that and that too",
        "log ?",
        "",
    ] {
        assert_eq!(read(&line(payload)), Verdict::default(), "{payload}");
    }
    assert_eq!(read(&line(&format!("step {} started", "x".repeat(64)))), Verdict::default());
}

#[test]
fn more_steps_than_a_build_may_have_are_dropped() {
    let console: String = (0..150).map(|n| line(&format!("step s{n} started"))).collect();
    assert_eq!(read(&console).steps.len(), MAX_STEPS);
}

#[test]
fn the_last_twenty_log_lines_are_kept() {
    let console: String = (0..1000).map(|n| log(format!("line {n}"))).collect();
    assert_eq!(read(&console).log, (980..1000).map(|n| format!("line {n}")).collect::<Vec<_>>());
}

#[test]
fn an_empty_log_line_is_a_line() {
    assert_eq!(read(&(line("log ") + &line("log"))).log, ["", ""]);
}

#[test]
fn what_could_steer_a_terminal_is_escaped() {
    assert_eq!(read(&log("\u{1b}[31mred\u{7}\t\u{202e}")).log, ["\\u{1b}[31mred\\u{7}\\t\\u{202e}"]);
    assert_eq!(read(&log(b"half \xc3")).log, ["half \u{fffd}"]);
}

#[test]
fn a_log_line_stays_short_when_it_is_escaped() {
    let log = read(&log([0x1b; 200])).log;
    assert_eq!(log[0].chars().count(), 200);
}

#[test]
fn what_was_cleaned_is_kept_once_and_within_bounds() {
    let names: Vec<String> = ('a'..='z').map(|name| format!("{name} files")).collect();
    let console: String = names.iter().map(|name| line(&format!("cleaned {name}")).repeat(2)).collect();
    assert_eq!(read(&console).cleaned, names[..16]);
}

#[test]
fn an_enormous_line_is_noise() {
    let enormous = "x".repeat(1 << 20);
    let console = format!("::ami-operator:{}:{enormous}{}{}", nonce(), line(&enormous), failed().concat());
    assert_eq!(read(&console), expected());
}

fn fragment() -> impl Strategy<Value = String> {
    let prefix = format!("::ami-operator:{}:", nonce());
    prop_oneof![
        any::<String>(),
        Just(prefix),
        "[:0-9]{0,12}",
        proptest::sample::select(failed()),
        "(step|log|verdict|begin|cleaned)( [a-z0-9=/+-]{0,12}){0,5}".prop_map(|payload| line(&payload)),
        any::<Vec<u8>>().prop_map(log),
        (proptest::sample::select(failed()), 0_usize..80)
            .prop_map(|(line, cut)| line.chars().take(cut).collect()),
    ]
}

proptest! {
    #[test]
    fn anything_on_the_console_gives_a_bounded_answer(fragments in proptest::collection::vec(fragment(), 0..200)) {
        let verdict = read(&fragments.concat());
        prop_assert!(verdict.steps.len() <= MAX_STEPS && verdict.log.len() <= 20 && verdict.cleaned.len() <= 16);
        for line in &verdict.log {
            prop_assert!(line.chars().count() <= 200 && !line.contains(char::is_control));
        }
    }

    #[test]
    fn noise_between_the_lines_changes_nothing(noise in proptest::collection::vec("[^:]{0,60}\n", 13)) {
        let mixed: String = noise.iter().zip(failed().iter().chain([&String::new()])).flat_map(|(noise, line)| [noise.as_str(), line]).collect();
        prop_assert_eq!(read(&mixed), expected());
    }

    #[test]
    fn a_success_cannot_be_cut_out_of_a_failure(from in 0_usize..900, length in 0_usize..900) {
        let console = failed().concat();
        let cut: String = console.chars().skip(from).take(length).collect();
        prop_assert_ne!(read(&cut).outcome, Some(Outcome::Succeeded));
    }
}
