//! Restarts between steps and the cleanup after them, in real shells.

use std::{fs, os::unix::fs::symlink};

use super::{
    Outcome,
    machine::{Machine, in_every_shell, reboot, results, script},
};
use crate::api::image_build::StepResult;

/// A machine that is always five seconds old.
fn young(machine: Machine) -> Machine {
    machine.has_file("root/proc/uptime", "5.32 1.00\n");
    machine
}

const HOOKS: &str = "root/var/lib/cloud/scripts/per-boot";

fn hooks(machine: &Machine) -> usize {
    fs::read_dir(machine.path(HOOKS)).map_or(0, Iterator::count)
}

#[test]
fn the_steps_after_a_restart_wait_for_the_boot() {
    in_every_shell(|shell, machine| {
        let machine = young(machine);
        let count = |name: &str| format!("echo {name} >>'{}'", machine.path("ran").display());
        let steps = [script("one", &count("one")), reboot("kernel"), script("two", &count("two"))];
        let before = machine.run(shell, &steps);
        assert_eq!(before.outcome, None, "{shell:?}");
        let kernel = (results(&before)[1].0, results(&before)[1].1);
        assert_eq!(
            (kernel, machine.read("ran").as_str()),
            (("kernel", StepResult::Running), "one\n"),
            "{shell:?}"
        );
        assert_eq!((machine.read("power").as_str(), hooks(&machine)), ("again\n", 1), "{shell:?}");
        let after = machine.reboot(shell);
        assert_eq!(after.outcome, Some(Outcome::Succeeded), "{shell:?}: {:?}", after.log);
        let succeeded = |name| (name, StepResult::Succeeded, Some(0));
        assert_eq!(results(&after), [succeeded("one"), succeeded("kernel"), succeeded("two")], "{shell:?}");
        assert_eq!(machine.read("ran"), "one\ntwo\n", "{shell:?}");
        assert_eq!((machine.read("power").as_str(), hooks(&machine)), ("again\noff\n", 0), "{shell:?}");
    });
}

#[test]
fn what_was_said_before_a_restart_is_said_again() {
    in_every_shell(|shell, machine| {
        let machine = young(machine);
        machine.run(shell, &[script("one", "true"), reboot("kernel")]);
        fs::write(machine.path("console"), "").unwrap();
        let verdict = machine.reboot(shell);
        let succeeded = |name| (name, StepResult::Succeeded, Some(0));
        assert_eq!(results(&verdict), [succeeded("one"), succeeded("kernel")], "{shell:?}");
    });
}

#[test]
fn each_restart_has_a_boot_of_its_own() {
    in_every_shell(|shell, machine| {
        let machine = young(machine);
        machine.run(shell, &[reboot("first"), reboot("last")]);
        assert_eq!(machine.reboot(shell).outcome, None, "{shell:?}");
        assert_eq!(machine.reboot(shell).outcome, Some(Outcome::Succeeded), "{shell:?}");
        assert_eq!(machine.read("power"), "again\nagain\noff\n", "{shell:?}");
    });
}

#[test]
fn a_boot_that_no_step_asked_for_gives_the_machine_up() {
    in_every_shell(|shell, machine| {
        let machine = young(machine);
        let nothing = machine.path("none").display().to_string();
        let machine = machine.with("POWEROFF", format!("'echo >>{nothing}'"));
        machine.run(shell, &[reboot("kernel"), script("crash", "true")]);
        // The machine crashes when the cursor is used up and the steps are under way.
        fs::remove_file(machine.path("work/.next")).unwrap();
        let verdict = machine.reboot(shell);
        assert_eq!(verdict.outcome, Some(Outcome::Failed), "{shell:?}");
        assert!(verdict.log[0].contains("exists"), "{shell:?}: {:?}", verdict.log);
        assert_eq!(hooks(&machine), 0, "{shell:?}");
    });
}

#[test]
fn the_time_goes_on_over_a_restart() {
    in_every_shell(|shell, machine| {
        let machine = young(machine);
        machine.run(shell, &[reboot("kernel"), script("late", "true")]);
        machine.has_file("root/proc/uptime", "700.00 1.00\n");
        let verdict = machine.reboot(shell);
        assert_eq!(results(&verdict)[1], ("late", StepResult::Failed, Some(124)), "{shell:?}");
    });
}

#[test]
fn a_machine_that_cannot_restart_has_failed() {
    in_every_shell(|shell, machine| {
        let machine = young(machine).with("REBOOT", "false");
        let verdict = machine.run(shell, &[reboot("kernel"), script("never", "true")]);
        assert_eq!(results(&verdict), [("kernel", StepResult::Failed, Some(1))], "{shell:?}");
        assert_eq!((machine.read("power").as_str(), hooks(&machine)), ("off\n", 0), "{shell:?}");
    });
}

#[test]
fn a_hook_that_runs_twice_in_one_boot_does_nothing() {
    in_every_shell(|shell, machine| {
        let machine = young(machine);
        let steps = [reboot("kernel"), script("one", "true")];
        machine.run(shell, &steps);
        let console = machine.read("console");
        machine.run(shell, &steps);
        assert_eq!(
            (machine.read("console"), machine.read("power").as_str()),
            (console, "again\n"),
            "{shell:?}"
        );
    });
}

/// What goes, and what of it is told.
const RUBBISH: [(&str, &str); 27] = [
    ("root/var/lib/systemd/random-seed", "random seed"),
    ("root/var/lib/seedrng/seed.credit", "random seed"),
    ("root/boot/efi/loader/random-seed", "random seed"),
    ("root/etc/ssh/ssh_host_rsa_key", "SSH host keys"),
    ("root/etc/ssh/ssh_host_ed25519_key.pub", "SSH host keys"),
    ("root/var/lib/dhcp/dhclient.eth0.leases", "DHCP leases"),
    ("root/var/lib/dhclient/dhclient--eth0.lease", "DHCP leases"),
    ("root/var/lib/NetworkManager/internal-1-eth0.lease", "DHCP leases"),
    ("root/var/lib/wicked/duid.xml", "DHCP leases"),
    ("root/var/cache/dnf/x/packages/nginx.rpm", "package caches"),
    ("root/var/cache/apt/archives/nginx.deb", "package caches"),
    ("root/var/lib/apt/lists/deb.debian.org_InRelease", "package caches"),
    ("root/var/cache/zypp/solv/a", "package caches"),
    ("root/var/cache/apk/APKINDEX", "package caches"),
    ("root/tmp/some/thing", "temporary files"),
    ("root/tmp/.hidden", "temporary files"),
    ("root/var/tmp/thing", "temporary files"),
    ("root/root/.bash_history", "shell histories"),
    ("root/home/ec2-user/.python_history", "shell histories"),
    ("root/var/lib/cloud/instances/i-0123/user-data.txt", "cloud-init state"),
    ("root/var/lib/cloud/data/instance-id", "cloud-init state"),
    ("root/var/lib/cloud/sem/config_scripts_per_once.once", "cloud-init state"),
    ("root/var/lib/dbus/machine-id", "machine-id"),
    ("root/var/log/journal/0123/system.journal", "logs"),
    ("root/etc/machine-id", "machine-id"),
    ("root/var/log/messages", "logs"),
    ("root/var/log/nginx/error.log", "logs"),
];

/// These stay as empty files.
const EMPTIED: [&str; 3] = ["root/etc/machine-id", "root/var/log/messages", "root/var/log/nginx/error.log"];

const OF_USERS: [&str; 8] = [
    "root/etc/ssh/sshd_config",
    "root/root/.bashrc",
    "root/home/ec2-user/.ssh/authorized_keys",
    "root/home/ec2-user/project/.app_history",
    "root/var/lib/NetworkManager/secret_key",
    "root/var/lib/cloud-app/data",
    "root/var/lib/cloud/scripts/per-boot/mine.sh",
    "root/var/lib/cloud/seed/nocloud/user-data",
];

#[test]
fn a_cleanup_removes_what_no_image_may_have_and_nothing_of_users() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_cleanup();
        for name in RUBBISH.iter().map(|(name, _)| name).chain(&OF_USERS) {
            machine.has_file(name, "something");
        }
        let verdict = machine.run(shell, &[]);
        assert_eq!(verdict.outcome, Some(Outcome::Succeeded), "{shell:?}: {:?}", verdict.log);
        for (name, _) in RUBBISH {
            assert_eq!(machine.path(name).exists(), EMPTIED.contains(&name), "{shell:?}: {name}");
        }
        for (name, content) in
            EMPTIED.map(|name| (name, "")).into_iter().chain(OF_USERS.map(|name| (name, "something")))
        {
            assert_eq!(machine.read(name), content, "{shell:?}: {name}");
        }
        let mut told: Vec<&str> = RUBBISH.iter().map(|(_, told)| *told).collect();
        told.dedup();
        told.sort_unstable();
        told.dedup();
        let mut cleaned = verdict.cleaned;
        cleaned.sort_unstable();
        assert_eq!(cleaned, told, "{shell:?}");
    });
}

#[test]
fn a_cleanup_tells_only_what_was_there() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_cleanup();
        machine.has_file("root/etc/ssh/ssh_host_rsa_key", "key");
        for directory in ["root/tmp", "root/var/log"] {
            fs::create_dir_all(machine.path(directory)).unwrap();
        }
        // Every guest has the state that cloud-init made for this boot; it is a link to it.
        fs::remove_dir_all(machine.path("root/var/lib/cloud/instance")).unwrap();
        let verdict = machine.run(shell, &[]);
        assert_eq!(verdict.cleaned, ["SSH host keys"], "{shell:?}");
    });
}

#[test]
fn a_cleanup_follows_no_link() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_cleanup();
        machine.has_file("root/srv/data", "precious");
        machine.has_file("root/tmp/x", "");
        machine.has_file("root/var/lib/dbus/x", "");
        machine.has_file("root/etc/machine-id", "0123");
        symlink(machine.path("root/srv"), machine.path("root/tmp/link")).unwrap();
        symlink(machine.path("root/srv/data"), machine.path("root/var/lib/dbus/machine-id")).unwrap();
        let verdict = machine.run(shell, &[]);
        assert!(verdict.cleaned.contains(&"temporary files".to_owned()), "{shell:?}");
        assert_eq!(machine.read("root/srv/data"), "precious", "{shell:?}");
        assert!(machine.path("root/var/lib/dbus/machine-id").exists(), "{shell:?}");
    });
}

#[test]
fn the_seed_is_not_written_again_on_the_way_down() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_cleanup();
        machine.has_file("root/var/lib/systemd/random-seed", "");
        let seed = machine.path("root/var/lib/systemd/random-seed").display().to_string();
        machine.has_command(
            "systemctl",
            &format!("[ \"$*\" = 'stop systemd-random-seed' ] && echo seed >'{seed}'"),
        );
        machine.run(shell, &[]);
        assert_eq!(machine.calls(), ["systemctl stop systemd-random-seed"], "{shell:?}");
        assert!(!machine.path("root/var/lib/systemd/random-seed").exists(), "{shell:?}");
    });
}

#[test]
fn a_machine_whose_keys_stay_is_no_image() {
    in_every_shell(|shell, machine| {
        let machine = machine.with_cleanup();
        // A directory with something in it: what find deletes by its name stays.
        machine.has_file("root/etc/ssh/ssh_host_keys/rsa", "key");
        let verdict = machine.run(shell, &[]);
        assert_eq!(verdict.outcome, Some(Outcome::Failed), "{shell:?}");
        assert!(verdict.log[0].ends_with("ssh_host_keys cannot be removed"), "{shell:?}: {:?}", verdict.log);
    });
}

#[test]
fn nothing_is_cleaned_after_a_step_that_failed_or_when_nobody_wants_it() {
    in_every_shell(|shell, machine| {
        let keeps = machine;
        let failing = Machine::new().with_cleanup();
        for (machine, code) in [(&keeps, "exit 0"), (&failing, "exit 1")] {
            machine.has_file("root/etc/ssh/ssh_host_rsa_key", "key");
            assert_eq!(machine.run(shell, &[script("one", code)]).cleaned, Vec::<String>::new(), "{shell:?}");
            assert_eq!(machine.read("root/etc/ssh/ssh_host_rsa_key"), "key", "{shell:?}");
        }
    });
}
