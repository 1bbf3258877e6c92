//! The steps as commands of Run Command: for Linux in real shells, for Windows as text.

use std::{fs, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use proptest::prelude::*;

use super::{
    CLEANUP, COMMAND_LIMIT, Contents, Document, Platform, StepCommand, TooLarge, cleaned, commands,
    dead_man_user_data,
    guest::wait_until,
    machine::{Answer, Machine, file, in_every_shell, minutes, nonce, packages, reboot, script, steps},
    unsupported_on_windows,
};
use crate::api::image_build::{Cleanup, Customize, EnvVar, File, Script, Step, Upgrade};

const BOOT: &str = "root/proc/sys/kernel/random/boot_id";

fn answer(output: &str, code: i32) -> Answer {
    Answer { output: output.to_owned(), code: Some(code) }
}

fn made_for(platform: Platform, steps_of_it: impl Into<Vec<Step>>) -> Vec<StepCommand> {
    commands(&steps(steps_of_it), &Contents::default(), &nonce(), platform).unwrap()
}

fn powershell(step: Step) -> String {
    made_for(Platform::Windows, [step])[0].lines.join("\n")
}

fn base64(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

fn remains(machine: &Machine) -> Vec<String> {
    let entries = fs::read_dir(machine.path("work")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_step_answers_with_its_output_and_exit_code() {
    in_every_shell(|shell, machine| {
        let fine = script("fine", "echo out; echo err >&2");
        assert_eq!(machine.command(shell, Some(&fine)), answer("out\nerr\n", 0), "{shell:?}");
        let broken = script("broken", "echo reason\nexit 7");
        assert_eq!(machine.command(shell, Some(&broken)), answer("reason\n", 7), "{shell:?}");
        let mut kept = remains(&machine);
        kept.sort_unstable();
        assert_eq!(kept, ["broken.state", "fine.state"], "{shell:?}");
    });
}

#[test]
fn the_answer_is_the_end_of_the_output() {
    in_every_shell(|shell, machine| {
        let talk = script(
            "talk",
            "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo \"line $i\"; done; head -c 300 /dev/zero | tr '\\0' x",
        );
        let mut lines: Vec<String> = (12..=30).map(|n| format!("line {n}\n")).collect();
        lines.push("x".repeat(200) + "\n");
        let expected = lines.concat();
        assert_eq!(machine.command(shell, Some(&talk)), answer(&expected, 0), "{shell:?}");
    });
}

#[test]
fn a_process_that_a_step_leaves_behind_holds_up_no_answer_and_lives_on() {
    in_every_shell(|shell, machine| {
        let (go, alive) = (machine.path("go"), machine.path("alive"));
        let stays = format!(
            "until [ -e '{}' ]; do sleep 1; done; echo late; echo >'{}'",
            go.display(),
            alive.display()
        );
        let leave = script("leave", &format!("({stays}) &\necho left"));
        assert_eq!(machine.command(shell, Some(&leave)), answer("left\n", 0), "{shell:?}");
        fs::write(go, "").unwrap();
        wait_until("what it waits for is there", || alive.exists());
    });
}

#[test]
fn files_arrive_as_they_do_by_user_data() {
    in_every_shell(|shell, machine| {
        let motd = machine.file("motd", "made/motd", "golden {{ssm:image}}\n");
        assert_eq!(machine.command(shell, Some(&motd)), answer("", 0), "{shell:?}");
        assert_eq!(machine.read("made/motd"), "golden {{ssm:image}}\n", "{shell:?}");
    });
}

#[test]
fn a_step_that_takes_too_long_is_ended() {
    in_every_shell(|shell, machine| {
        let mut hang = script("hang", "echo hanging; sleep 60");
        hang.script.as_mut().unwrap().timeout = Some(Duration::from_secs(1).into());
        assert_eq!(machine.command(shell, Some(&hang)), answer("hanging\n", 124), "{shell:?}");
    });
}

#[test]
fn a_command_that_comes_again_gives_the_same_answer_and_does_nothing() {
    in_every_shell(|shell, machine| {
        let count = format!("echo once >>'{}'; echo done; exit 3", machine.path("ran").display());
        let step = script("count", &count);
        let first = machine.command(shell, Some(&step));
        assert_eq!(
            (machine.command(shell, Some(&step)), &first),
            (answer("done\n", 3), &answer("done\n", 3))
        );
        assert_eq!(machine.read("ran"), "once\n", "{shell:?}");
    });
}

#[test]
fn a_command_that_comes_at_the_same_time_waits_for_the_answer() {
    in_every_shell(|shell, machine| {
        let slow = format!("sleep 2; echo once >>'{}'; echo done", machine.path("ran").display());
        let step = script("slow", &slow);
        let running = [(); 3].map(|()| machine.start_command(shell, Some(&step)));
        for command in running {
            assert_eq!(Answer::from(command.wait_with_output().unwrap()), answer("done\n", 0), "{shell:?}");
        }
        assert_eq!(machine.read("ran"), "once\n", "{shell:?}");
    });
}

#[test]
fn a_step_that_was_cut_short_is_not_done_again() {
    in_every_shell(|shell, machine| {
        let step = script("half", "echo done");
        let expected = answer("step half was cut short: what it did is unknown\n", 1);
        // A number that no process can have.
        machine.has_file(BOOT, "boot-1\n");
        machine.has_file("work/half.state/owner", "999999999 boot-1\n");
        assert_eq!(machine.command(shell, Some(&step)), expected, "{shell:?}");
        machine.has_file("work/half.state/owner", &format!("{} boot-0\n", std::process::id()));
        assert_eq!(machine.command(shell, Some(&step)), expected, "{shell:?}");
    });
}

#[test]
fn a_machine_that_cannot_be_written_to_says_so() {
    in_every_shell(|shell, machine| {
        machine.has_file("work", "");
        let state = machine.path("work/one.state").display().to_string();
        let expected = answer(&format!("cannot make {state}\n"), 1);
        assert_eq!(machine.command(shell, Some(&script("one", "true"))), expected, "{shell:?}");
    });
}

#[test]
fn codes_that_the_agent_takes_for_itself_are_failures_like_others() {
    in_every_shell(|shell, machine| {
        for code in [137, 168, 194] {
            let step = script(&format!("step-{code}"), &format!("echo out; exit {code}"));
            let expected = answer(&format!("out\nexit code {code}\n"), 1);
            assert_eq!(machine.command(shell, Some(&step)), expected, "{shell:?}");
        }
    });
}

#[test]
fn a_reboot_asks_for_one_restart() {
    in_every_shell(|shell, machine| {
        let step = reboot("kernel");
        for (boot, code) in [("boot-1", 194), ("boot-1", 194), ("boot-2", 0), ("boot-3", 0)] {
            machine.has_file(BOOT, boot);
            assert_eq!(machine.command(shell, Some(&step)), answer("", code), "{shell:?}: {boot}");
        }
    });
}

#[test]
fn the_cleanup_tells_what_it_removed_and_leaves_nothing() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_cleanup();
        machine.command(shell, Some(&script("one", "true")));
        machine.has_file("root/etc/ssh/ssh_host_rsa_key", "key");
        machine.has_file("root/tmp/some/thing", "");
        let document = "root/var/lib/amazon/ssm/i-1/document/state/completed/document";
        machine.has_file(document, "{}");
        let Answer { output, code } = machine.command(shell, None);
        assert_eq!(code, Some(0), "{shell:?}: {output}");
        let told = cleaned(&output);
        assert!(told.contains(&"SSH host keys".to_owned()), "{shell:?}: {output}");
        assert!(told.contains(&"temporary files".to_owned()), "{shell:?}: {output}");
        assert!(!machine.path("work").exists() && !machine.path(document).exists(), "{shell:?}");
        assert_eq!(machine.command(shell, None), Answer { output, code }, "{shell:?}");
    });
}

#[test]
fn without_a_cleanup_only_what_is_ours_goes() {
    in_every_shell(|shell, machine| {
        machine.command(shell, Some(&script("one", "true")));
        machine.has_file("root/etc/ssh/ssh_host_rsa_key", "key");
        assert_eq!(machine.command(shell, None), answer("", 0), "{shell:?}");
        assert!(!machine.path("work").exists(), "{shell:?}");
        assert!(machine.path("root/etc/ssh/ssh_host_rsa_key").exists(), "{shell:?}");
    });
}

#[test]
fn keys_that_stay_fail_the_cleanup() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_cleanup();
        machine.has_file("root/etc/ssh/ssh_host_keys/rsa", "key");
        let Answer { output, code } = machine.command(shell, None);
        assert_eq!(code, Some(1), "{shell:?}");
        assert!(output.ends_with("ssh_host_keys cannot be removed\n"), "{shell:?}: {output}");
    });
}

#[test]
fn there_is_a_command_for_each_step_and_one_for_the_cleanup() {
    let mut slow = script("slow", "true");
    slow.script.as_mut().unwrap().timeout = Some(minutes(10));
    for (platform, document) in
        [(Platform::Linux, Document::Shell), (Platform::Windows, Document::PowerShell)]
    {
        let made = made_for(platform, [slow.clone(), reboot("again")]);
        let seen: Vec<_> = made.iter().map(|c| (c.step.as_str(), c.document, c.timeout_seconds)).collect();
        assert_eq!(
            seen,
            [("slow", document, Some(600)), ("again", document, None), (CLEANUP, document, None)]
        );
        for command in &made {
            let steps: Vec<_> = command.lines.iter().filter(|line| line.starts_with("#step ")).collect();
            assert!(steps.len() == 1 && steps[0].contains(&command.step), "{steps:?}");
        }
    }
}

#[test]
fn a_content_that_repeats_itself_is_compressed_when_it_has_to_be() {
    let made = made_for(Platform::Linux, [script("long", &"echo hello\n".repeat(6000))]);
    assert!(made[0].lines.contains(&"  base64 -d | gzip -d".to_owned()));
    assert!(made[0].lines.join("\n").len() <= COMMAND_LIMIT);
}

#[test]
fn a_step_that_is_too_large_is_named_with_size_limit_and_the_way_out() {
    let customize = steps([script("small", "true"), file("large", "/large", &"x".repeat(65_536))]);
    let refused = commands(&customize, &Contents::default(), &nonce(), Platform::Windows).unwrap_err();
    let TooLarge::Command { step, bytes, limit: COMMAND_LIMIT } = &refused else { panic!("{refused:?}") };
    assert!(step == "large" && *bytes > COMMAND_LIMIT);
    let expected = format!(
        "step large needs a command of {bytes} bytes and Run Command allows 65536: split it, or download large contents in a script"
    );
    assert_eq!(refused.to_string(), expected);
}

proptest! {
    #[test]
    fn run_command_finds_nothing_to_fill_in(value in "[a{}:']{0,40}", path in "/[a{}:']{1,20}b") {
        let mut step = script("env", "true");
        step.script.as_mut().unwrap().env = vec![EnvVar { name: "A".to_owned(), value }];
        for platform in [Platform::Linux, Platform::Windows] {
            for command in made_for(platform, [step.clone(), file("file", &path, "{{ssm:a}}")]) {
                prop_assert!(!command.lines.iter().any(|line| line.contains("{{")), "{:?}", command.lines);
            }
        }
    }
}

#[test]
fn a_powershell_script_is_base64_with_all_that_belongs_to_it() {
    let mut step = script("harden", "Write-Output 'größe'\n");
    let Script { env, working_directory, timeout, .. } = step.script.as_mut().unwrap();
    *env = vec![EnvVar { name: "LEVEL".to_owned(), value: "it's $2".to_owned() }];
    *working_directory = Some("/Program Files".to_owned());
    *timeout = Some(minutes(10));
    let text = powershell(step);
    let expected = format!(
        "\n#step {{\"name\":\"harden\",\"action\":\"script\",\"timeoutSeconds\":600}}\n$content = '{}'\n$directory = (Get-Text '{}')\n[Environment]::SetEnvironmentVariable('LEVEL', (Get-Text '{}'))\n",
        base64("Write-Output 'größe'\n"),
        base64("/Program Files"),
        base64("it's $2")
    );
    assert!(text.contains(&expected), "{text}");
    assert!(text.contains("\n$timeout = 600\n"), "{text}");
}

#[test]
fn a_powershell_file_is_base64_with_its_path() {
    let text = powershell(file("motd", "C:/motd", "golden"));
    let expected = format!(
        "\n#step {{\"name\":\"motd\",\"action\":\"file\",\"path\":\"C:/motd\"}}\n$content = '{}'\n$path = (Get-Text '{}')\n",
        base64("golden"),
        base64("C:/motd")
    );
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn powershell_programs_are_ascii_and_nothing_is_left_open() {
    let steps = [script("script", "größe"), file("file", "C:/größe", "größe"), reboot("again")];
    for command in made_for(Platform::Windows, steps) {
        let text = command.lines.join("\n");
        let code: String = text.lines().filter(|line| !line.starts_with("#step ")).collect();
        assert!(code.is_ascii(), "{text}");
        assert!(!["@NONCE@", "@STEP@", "@TIMEOUT@"].iter().any(|left| text.contains(left)), "{text}");
    }
}

#[test]
fn windows_cleans_up_where_that_is_asked_for() {
    let last = |cleanup| {
        let customize = Customize { cleanup, ..Customize::default() };
        let made = commands(&customize, &Contents::default(), &nonce(), Platform::Windows).unwrap();
        made.last().unwrap().lines.join("\n")
    };
    assert!(last(Cleanup::Standard).contains("& $launch reset --clean"));
    assert!(!last(Cleanup::None).contains("EC2Launch"));
}

#[test]
fn windows_does_scripts_files_and_reboots() {
    let file: File = serde_json::from_str(r#"{"path": "/motd", "content": "x"}"#).unwrap();
    let file = Step { name: "motd".to_owned(), file: Some(file), ..Step::default() };
    let mut named = script("named", "dir");
    named.script.as_mut().unwrap().interpreter = Some("powershell".to_owned());
    assert_eq!(unsupported_on_windows(&steps([script("one", "dir"), named, file, reboot("again")])), None);
}

#[test]
fn what_windows_cannot_do_is_named() {
    let mut python = script("python", "");
    python.script.as_mut().unwrap().interpreter = Some("python3".to_owned());
    for (step, expected) in [
        (
            packages("all", Upgrade::All, &[], &[]),
            "step all: packages is not supported on Windows: use a script",
        ),
        (
            python,
            "step python: interpreter python3 is not supported on Windows: use powershell, or leave it out",
        ),
        (
            script("shell", "#!/bin/sh\ntrue\n"),
            "step shell: interpreter /bin/sh is not supported on Windows: use powershell, or leave it out",
        ),
        (file("motd", "/motd", ""), "step motd: mode has no effect on Windows: leave it out"),
    ] {
        assert_eq!(unsupported_on_windows(&steps([script("fine", ""), step])), Some(expected.to_owned()));
    }
}

#[test]
fn the_dead_man_knows_when() {
    let text = |platform| String::from_utf8(dead_man_user_data(platform, 7500)).unwrap();
    assert!(text(Platform::Linux).starts_with("#cloud-boothook\n#!/bin/sh\n"));
    assert!(text(Platform::Linux).contains("\n  sleep 7500\n"));
    assert_eq!(text(Platform::Windows), "<powershell>shutdown /s /t 7500</powershell>\n");
}
