//! What a step of packages asks of each package manager, in real shells.

use std::time::Duration;

use super::machine::{failed, in_every_shell, packages, results, succeeded};
use crate::api::image_build::{StepResult, Upgrade};

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
        let machine = machine.with_timeout(Duration::from_secs(4));
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
