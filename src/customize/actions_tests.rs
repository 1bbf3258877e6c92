//! What each action does, in real shells.

use std::{fs, time::Duration};

use proptest::prelude::*;

use super::{
    Outcome, Verdict,
    machine::{Machine, Shell, in_every_shell, minutes, packages, results, script},
};
use crate::api::image_build::{EnvVar, Script, Services, Step, StepResult, Upgrade, User};

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

fn succeeded(shell: &Shell, machine: &Machine, step: &Step) -> Vec<String> {
    let verdict = machine.run(shell, std::slice::from_ref(step));
    assert_eq!(verdict.outcome, Some(Outcome::Succeeded), "{shell:?}: {:?}", verdict.log);
    machine.calls()
}

fn failed(shell: &Shell, machine: &Machine, step: &Step) -> Verdict {
    let verdict = machine.run(shell, std::slice::from_ref(step));
    assert_eq!(verdict.outcome, Some(Outcome::Failed), "{shell:?}");
    verdict
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
        let quick = script_with("quick", "true", |s| s.timeout = Some(Duration::from_secs(1).into()));
        let verdict = machine.run(shell, &[quick, script("nap", "sleep 2")]);
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
    fn values_arrive_character_for_character(any in "[^\0]{0,40}", hostile in "(CONTENT\n|'|\\$\\(exit 9\\)|`|\"|\r\n|\\\\|\u{81}|é|\u{1F600}|[ -~]{0,80}|\n){0,20}") {
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
fn dnf_removes_upgrades_and_installs() {
    in_every_shell(|shell, machine| {
        machine.has_file("root/etc/os-release", "ID=fedora\nVERSION_ID=43\n");
        machine.has_command("dnf", "");
        machine.has_command("yum", "exit 1");
        let step = packages("all", Upgrade::Security, &["nginx", "php-*"], &["nano"]);
        let expected = ["dnf -y remove nano", "dnf -y upgrade --security ", "dnf -y install nginx php-*"];
        let calls = succeeded(shell, &machine, &step);
        assert_eq!(
            calls.iter().map(|call| call.trim()).collect::<Vec<_>>(),
            expected.map(str::trim),
            "{shell:?}"
        );
    });
}

#[test]
fn amazon_linux_2023_is_upgraded_to_its_newest_release() {
    in_every_shell(|shell, machine| {
        machine.has_file("root/etc/os-release", "ID=\"amzn\"\nVERSION_ID=\"2023\"\n");
        machine.has_command("dnf", "");
        let calls = succeeded(shell, &machine, &packages("all", Upgrade::All, &["nginx"], &[]));
        assert_eq!(calls, ["dnf -y upgrade --releasever=latest", "dnf -y install nginx"], "{shell:?}");
    });
}

#[test]
fn yum_is_not_content_with_half_of_the_packages() {
    in_every_shell(|shell, machine| {
        machine.has_command("yum", "");
        let calls = succeeded(shell, &machine, &packages("all", Upgrade::All, &["nginx", "jq"], &["nano"]));
        let install = "yum -y --setopt=skip_missing_names_on_install=0 install nginx jq";
        assert_eq!(calls, ["yum -y remove nano", "yum -y update", install], "{shell:?}");
    });
}

const APT: &str = "apt-get -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=";

/// Without the options that every call has.
fn apt_calls(calls: &[String]) -> Vec<&str> {
    let options = calls.iter().map(|call| call.strip_prefix(APT).unwrap_or_else(|| panic!("{call}")));
    options.map(|rest| rest.split_once(' ').unwrap().1).collect()
}

#[test]
fn apt_never_asks_and_waits_for_the_lock() {
    in_every_shell(|shell, machine| {
        machine.has_command("apt-get", "[ \"$DEBIAN_FRONTEND\" = noninteractive ]");
        machine.has_command("dpkg-query", "[ \"$2\" = nano ]");
        let step = packages("all", Upgrade::All, &["nginx=1.2*"], &["gone", "nano"]);
        let mut calls = succeeded(shell, &machine, &step);
        calls.retain(|call| !call.starts_with("dpkg-query"));
        let expected = [
            "-o APT::Update::Error-Mode=any update",
            "remove nano",
            "upgrade --with-new-pkgs",
            "-o APT::Cmd::Pattern-Only=true install nginx=1.2*",
        ];
        assert_eq!(apt_calls(&calls), expected, "{shell:?}");
        let left = calls[0].strip_prefix(APT).unwrap().split(' ').next().unwrap();
        assert!((1..=600).contains(&left.parse().unwrap()), "{shell:?}: {left}");
    });
}

#[test]
fn apt_waits_for_the_lists_for_as_long_as_somebody_holds_them() {
    in_every_shell(|shell, machine| {
        let machine = machine.with("pause", "0");
        let held =
            "echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)' >&2";
        let calls = machine.path("calls").display().to_string();
        machine.has_command(
            "apt-get",
            &format!("[ \"$(grep -c update '{calls}')\" -ge 8 ] || {{ {held}; exit 100; }}"),
        );
        let calls = succeeded(shell, &machine, &packages("all", Upgrade::None, &["nginx"], &[]));
        assert_eq!(calls.len(), 9, "{shell:?}: {calls:?}");
    });
}

#[test]
fn apt_upgrades_what_the_security_archive_has() {
    let plan = concat!(
        "NOTE: This is only a simulation!\n",
        "Inst libssl3 [3.0.2-0ubuntu1.10] (3.0.2-0ubuntu1.15 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])\n",
        "Inst vim [1] (2 Ubuntu:22.04/jammy-updates [amd64])\n",
        "Inst curl [7.88.1-10] (7.88.1-10+deb12u5 Debian-Security:12/stable-security [amd64]) []\n",
        "Conf libssl3 (3.0.2-0ubuntu1.15 Ubuntu:22.04/jammy-security [amd64])\n",
    );
    in_every_shell(|shell, machine| {
        machine.has_file("root/etc/os-release", "ID=ubuntu\nVERSION_CODENAME=jammy\n");
        machine.has_file("plan", plan);
        let show = format!("case \"$*\" in *' -s '*) cat '{}' ;; esac", machine.path("plan").display());
        machine.has_command("apt-get", &show);
        let calls = succeeded(shell, &machine, &packages("all", Upgrade::Security, &[], &[]));
        let expected = [
            "-o APT::Update::Error-Mode=any update",
            "-s -t jammy-security dist-upgrade",
            "-t jammy-security install --only-upgrade libssl3 curl",
        ];
        assert_eq!(apt_calls(&calls), expected, "{shell:?}");
    });
}

#[test]
fn zypper_knows_what_its_exit_codes_mean() {
    in_every_shell(|shell, machine| {
        machine.has_command(
            "zypper",
            "case $2 in remove) exit 104 ;; patch) exit 102 ;; esac; [ \"$ZYPP_LOCK_TIMEOUT\" -gt 0 ]",
        );
        let calls = succeeded(shell, &machine, &packages("all", Upgrade::Security, &["nginx"], &["nano"]));
        let expected = [
            "zypper --non-interactive remove nano",
            "zypper --non-interactive patch --category security",
            "zypper --non-interactive install --auto-agree-with-licenses nginx",
        ];
        assert_eq!(calls, expected, "{shell:?}");
    });
}

#[test]
fn apk_waits_for_its_database() {
    in_every_shell(|shell, machine| {
        machine.has_command("apk", "case $1 in info) echo nano; exit 1 ;; esac");
        let step = packages("all", Upgrade::Security, &["nginx~=1.2"], &["gone", "nano"]);
        let calls = succeeded(shell, &machine, &step);
        let starts =
            ["apk info -e gone nano", "apk del --wait ", "apk upgrade -U --wait ", "apk add -U --wait "];
        assert!(
            calls.iter().zip(starts).all(|(call, start)| call.starts_with(start)),
            "{shell:?}: {calls:?}"
        );
        assert_eq!(calls.len(), starts.len(), "{shell:?}: {calls:?}");
        assert!(calls[1].ends_with(" nano") && !calls[1].contains("gone"), "{shell:?}: {calls:?}");
        assert!(calls[3].ends_with(" nginx~=1.2"), "{shell:?}: {calls:?}");
    });
}

#[test]
fn a_mirror_that_fails_is_asked_again() {
    in_every_shell(|shell, machine| {
        machine.has_file("root/etc/os-release", "ID=fedora\nVERSION_ID=43\n");
        let machine = machine.with("pause", "0");
        machine.has_command(
            "dnf",
            &format!("[ \"$(grep -c dnf '{}')\" -ge 3 ]", machine.path("calls").display()),
        );
        let calls = succeeded(shell, &machine, &packages("all", Upgrade::None, &["nginx"], &[]));
        assert_eq!(calls, ["dnf -y install nginx"; 3], "{shell:?}");
    });
}

#[test]
fn a_package_that_does_not_exist_fails_with_what_the_manager_says() {
    in_every_shell(|shell, machine| {
        machine.has_file("root/etc/os-release", "ID=fedora\nVERSION_ID=43\n");
        let machine = machine.with("pause", "0");
        machine.has_command("dnf", "echo 'Unable to find a match: ngnix'; exit 1");
        let verdict = failed(shell, &machine, &packages("all", Upgrade::All, &["ngnix"], &[]));
        assert_eq!(results(&verdict), [("all", StepResult::Failed, Some(1))], "{shell:?}");
        assert_eq!(machine.calls().len(), 5, "{shell:?}: nothing is installed after an upgrade that failed");
        assert!(verdict.log.contains(&"Unable to find a match: ngnix".to_owned()), "{:?}", verdict.log);
    });
}

#[test]
fn waiting_for_a_mirror_ends_at_the_timeout() {
    in_every_shell(|shell, machine| {
        machine.has_file("root/etc/os-release", "ID=fedora\nVERSION_ID=43\n");
        let machine = machine.with_timeout(Duration::from_secs(2));
        machine.has_command("dnf", "exit 1");
        let verdict = failed(shell, &machine, &packages("all", Upgrade::All, &[], &[]));
        assert_eq!(results(&verdict), [("all", StepResult::Failed, Some(124))], "{shell:?}");
        assert_eq!(verdict.log, ["try 1 failed, again in 5 s: dnf_All"], "{shell:?}");
    });
}

#[test]
fn a_guest_without_a_package_manager_says_so() {
    in_every_shell(|shell, machine| {
        let verdict = failed(shell, &machine, &packages("all", Upgrade::All, &[], &[]));
        assert_eq!(
            verdict.log,
            ["no package manager is here: apt-get, zypper, dnf, yum or apk"],
            "{shell:?}"
        );
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
