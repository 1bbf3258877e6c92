//! What each action does, in real shells.

use std::{fs, time::Duration};

use proptest::prelude::*;

use super::{
    Outcome,
    machine::{Machine, Shell, failed, in_every_shell, minutes, results, script, succeeded},
};
use crate::api::image_build::{EnvVar, Script, Services, Step, StepResult, User};

fn script_with(name: &str, inline: &str, change: impl FnOnce(&mut Script)) -> Step {
    let mut step = script(name, inline);
    change(step.script.as_mut().unwrap());
    step
}

fn env(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: value.to_owned() }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn services(enable: &[&str], disable: &[&str], mask: &[&str]) -> Step {
    let services = Services { enable: words(enable), disable: words(disable), mask: words(mask) };
    Step { name: "services".to_owned(), services: Some(services), ..Step::default() }
}

fn user(change: impl FnOnce(&mut User)) -> Step {
    let mut user = User { name: "app".to_owned(), ..User::default() };
    change(&mut user);
    Step { name: "user".to_owned(), user: Some(user), ..Step::default() }
}

#[test]
fn a_script_runs_where_and_by_what_it_is_told() {
    in_every_shell(|shell, machine| {
        fs::create_dir(machine.path("it's a place")).unwrap();
        let seen = machine.path("seen").display().to_string();
        let step = script_with("look", &format!("#!/bin/false\n{{ pwd; echo $LEVEL; }} >'{seen}'"), |s| {
            s.interpreter = Some("sh".to_owned());
            s.working_directory = Some(machine.path("it's a place").display().to_string());
            s.env = vec![env("LEVEL", "2")];
        });
        succeeded(shell, &machine, &step);
        let expected = format!("{}\n2\n", machine.path("it's a place").display());
        assert_eq!(machine.read("seen"), expected, "{shell:?}");
    });
}

#[test]
fn a_working_directory_that_is_missing_is_the_reason() {
    in_every_shell(|shell, machine| {
        let nowhere = machine.path("nowhere").display().to_string();
        let verdict =
            failed(shell, &machine, &script_with("go", "true", |s| s.working_directory = Some(nowhere)));
        assert!(verdict.log[0].contains("nowhere"), "{shell:?}: {:?}", verdict.log);
    });
}

#[test]
fn a_script_with_a_timeout_of_its_own_ends_with_its_children() {
    in_every_shell(|shell, machine| {
        let late = machine.path("late").display().to_string();
        let hang = format!("(sleep 20; echo late >'{late}') &\nsleep 20");
        let own = script_with("hang", &hang, |s| s.timeout = Some(Duration::from_secs(1).into()));
        let verdict = failed(shell, &machine, &own);
        assert_eq!(results(&verdict), [("hang", StepResult::Failed, Some(124))], "{shell:?}");
        assert!(matches!(verdict.steps[0].seconds, Some(1..=15)), "{shell:?}: {:?}", verdict.steps);
        assert!(!machine.path("late").exists());
    });
}

#[test]
fn the_timeout_of_a_script_is_no_timeout_of_the_next() {
    in_every_shell(|shell, machine| {
        let quick = script_with("quick", "true", |s| s.timeout = Some(Duration::from_secs(4).into()));
        let verdict = machine.run(shell, &[quick, script("nap", "sleep 5")]);
        assert_eq!(verdict.outcome, Some(Outcome::Succeeded), "{shell:?}");
    });
}

#[test]
fn the_timeout_of_all_steps_ends_a_script_with_a_longer_one() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_timeout(Duration::from_secs(1));
        let hang = script_with("hang", "sleep 20", |s| s.timeout = Some(minutes(5)));
        assert_eq!(results(&failed(shell, &machine, &hang))[0].2, Some(124), "{shell:?}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn values_arrive_character_for_character(any in "[^\0]{0,40}", hostile in "(CONTENT\n|\\{\\{|'|\\$\\(exit 9\\)|`|\"|\r\n|\\\\|\u{81}|é|\u{1F600}|[ -~]{0,80}|\n){0,20}") {
        in_every_shell(|shell, machine| {
            let copy = machine.path("copy").display().to_string();
            let inline = format!("printf '%s|%s|' \"$ONE\" \"$OTHER\" >'{copy}'");
            let step = script_with("copy", &inline, |s| s.env = vec![env("ONE", &any), env("OTHER", &hostile)]);
            succeeded(shell, &machine, &step);
            assert_eq!(fs::read(machine.path("copy")).unwrap(), format!("{any}|{hostile}|").into_bytes(), "{shell:?}");
        });
    }
}

#[test]
fn bytes_that_are_no_text_arrive_too() {
    in_every_shell(|shell, machine| {
        let mut step = machine.file("key", "key", "");
        let file = step.file.as_mut().unwrap();
        (file.content, file.binary_data) = (None, Some("AAEC\n/v8=\n".to_owned()));
        succeeded(shell, &machine, &step);
        assert_eq!(fs::read(machine.path("key")).unwrap(), [0, 1, 2, 0xfe, 0xff], "{shell:?}");
    });
}

#[test]
fn systemd_enables_disables_and_masks() {
    in_every_shell(|shell, machine| {
        machine.has_command("systemctl", "");
        let step = services(&["nginx", "app@1.service"], &["cups"], &["apt-daily.timer", "ssh.socket"]);
        let expected = [
            "systemctl enable nginx app@1.service",
            "systemctl disable cups",
            "systemctl mask apt-daily.timer ssh.socket",
        ];
        assert_eq!(succeeded(shell, &machine, &step), expected, "{shell:?}");
    });
}

#[test]
fn a_service_that_is_not_there_fails_with_what_systemd_says() {
    in_every_shell(|shell, machine| {
        machine.has_command("systemctl", "echo no such unit >&2; exit 4");
        let verdict = failed(shell, &machine, &services(&["ngnix"], &["cups"], &[]));
        assert_eq!(results(&verdict), [("services", StepResult::Failed, Some(4))], "{shell:?}");
        assert_eq!((verdict.log, machine.calls().len()), (vec!["no such unit".to_owned()], 1), "{shell:?}");
    });
}

#[test]
fn openrc_disables_what_is_not_enabled() {
    in_every_shell(|shell, machine| {
        machine.has_file("root/etc/init.d/cups", "");
        machine.has_command("rc-update", "[ \"$1\" = add ]");
        let calls = succeeded(shell, &machine, &services(&["nginx"], &["cups"], &[]));
        assert_eq!(calls, ["rc-update add nginx default", "rc-update -a del cups"], "{shell:?}");
        let machine = Machine::new();
        machine.has_command("rc-update", "[ \"$1\" = add ]");
        failed(shell, &machine, &services(&[], &["misspelt"], &[]));
    });
}

#[test]
fn openrc_cannot_mask() {
    in_every_shell(|shell, machine| {
        machine.has_command("rc-update", "");
        let verdict = failed(shell, &machine, &services(&["nginx"], &[], &["cups"]));
        assert_eq!((verdict.log, machine.calls().len()), (vec!["OpenRC cannot mask: cups".to_owned()], 0));
    });
}

/// The commands of shadow, with or without the user; the groups are `root` and those given.
fn with_shadow(machine: &Machine, exists: bool, groups: &[&str]) {
    for command in ["useradd", "usermod", "groupadd"] {
        machine.has_command(command, "");
    }
    with_accounts(machine, exists, groups);
}

fn with_accounts(machine: &Machine, exists: bool, groups: &[&str]) {
    machine.has_command("id", if exists { "" } else { "exit 1" });
    let lines = groups.iter().map(|group| format!("{group}:x:100:\n")).collect::<Vec<_>>().concat();
    machine.has_file("root/etc/group", &format!("root:x:0:\nappendix:x:99:\n{lines}"));
}

fn changes(shell: &Shell, machine: &Machine, step: &Step) -> Vec<String> {
    let calls = succeeded(shell, machine, step);
    calls.into_iter().filter(|call| !call.starts_with("id ")).collect()
}

#[test]
fn a_system_user_gets_its_groups_and_no_login() {
    in_every_shell(|shell, machine| {
        with_shadow(&machine, false, &["www-data"]);
        machine.has_command("nologin", "");
        let nologin = machine.path("commands/nologin").display().to_string();
        let step = user(|u| (u.system, u.groups) = (true, words(&["www-data", "metrics"])));
        let add = format!("useradd -U -r -M -G www-data,metrics -s {nologin} app");
        assert_eq!(changes(shell, &machine, &step), ["groupadd -r metrics".to_owned(), add], "{shell:?}");
    });
}

#[test]
fn a_user_can_be_a_person() {
    in_every_shell(|shell, machine| {
        with_shadow(&machine, false, &[]);
        let step = user(|u| u.shell = Some("/bin/zsh".to_owned()));
        assert_eq!(changes(shell, &machine, &step), ["useradd -U -m -s /bin/zsh app"], "{shell:?}");
    });
}

#[test]
fn a_group_of_the_users_name_becomes_its_own() {
    in_every_shell(|shell, machine| {
        with_shadow(&machine, false, &["app"]);
        assert_eq!(changes(shell, &machine, &user(|_| ())), ["useradd -g app -m app"], "{shell:?}");
    });
}

#[test]
fn a_user_that_exists_is_made_so() {
    in_every_shell(|shell, machine| {
        with_shadow(&machine, true, &["www-data"]);
        let step = user(|u| {
            (u.system, u.groups) = (true, words(&["www-data"]));
            u.shell = Some("/bin/bash".to_owned());
        });
        assert_eq!(changes(shell, &machine, &step), ["usermod -a -G www-data -s /bin/bash app"], "{shell:?}");
    });
}

#[test]
fn a_user_that_is_right_already_stays() {
    in_every_shell(|shell, machine| {
        with_shadow(&machine, true, &[]);
        assert_eq!(changes(shell, &machine, &user(|u| u.system = true)), Vec::<String>::new(), "{shell:?}");
    });
}

#[test]
fn alpine_has_other_tools_for_users() {
    in_every_shell(|shell, machine| {
        machine.has_command("adduser", "");
        machine.has_command("addgroup", "");
        with_accounts(&machine, false, &["www-data"]);
        let step = user(|u| (u.system, u.groups) = (true, words(&["www-data", "metrics"])));
        let expected = [
            "addgroup -S metrics",
            "addgroup -S app",
            "adduser -D -S -H -G app -s /bin/false app",
            "addgroup app www-data",
            "addgroup app metrics",
        ];
        assert_eq!(changes(shell, &machine, &step), expected, "{shell:?}");
    });
}

#[test]
fn alpine_changes_the_shell_of_a_user_that_exists() {
    in_every_shell(|shell, machine| {
        with_accounts(&machine, true, &[]);
        machine.has_file("root/etc/passwd", "app2:x:2:2:a:b:/bin/sh\napp:x:1:1:App:/home/app:/bin/ash\n");
        succeeded(shell, &machine, &user(|u| u.shell = Some("/bin/bash".to_owned())));
        let expected = "app2:x:2:2:a:b:/bin/sh\napp:x:1:1:App:/home/app:/bin/bash\n";
        assert_eq!(machine.read("root/etc/passwd"), expected, "{shell:?}");
    });
}
