//! How a step of monitoring brings the agent into a machine, in real shells.

use std::{fs, os::unix::fs::PermissionsExt};

use super::machine::{Machine, Shell, agent, failed, in_every_shell, results, succeeded};
use crate::api::image_build::StepResult;

const AGENT: &str = "root/opt/aws/amazon-cloudwatch-agent";
const CONFIG: &str = "root/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json";
const UBUNTU: &str = "ID=ubuntu\nID_LIKE=debian\n";
const JSON: &str = "{\"metrics\": {\"namespace\": \"größe\"}}\n";

fn machine_with(machine: Machine, os_release: &str) -> Machine {
    machine.has_file("root/etc/os-release", os_release);
    machine.has_command("systemctl", "");
    machine.has_command("uname", "echo x86_64");
    machine.has_command("cloud-init", "echo eu-west-1");
    machine.with("pause", "0")
}

/// A program among the agent's own.
fn has_program(machine: &Machine, name: &str, body: &str) {
    machine.has_command(name, body);
    let bin = machine.path(AGENT).join("bin");
    fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(machine.path("commands").join(name), bin.join(name)).unwrap();
}

/// What was called besides what tells where the machine is.
fn installs(shell: &Shell, machine: &Machine) -> Vec<String> {
    let work = machine.path("work").display().to_string();
    let calls = succeeded(shell, machine, &agent("watch", JSON)).into_iter();
    let calls = calls.filter(|call| !call.starts_with("uname") && !call.starts_with("cloud-init"));
    calls.map(|call| call.replace(&work, "work")).collect()
}

const ENABLED: [&str; 2] =
    ["systemctl stop amazon-cloudwatch-agent", "systemctl enable amazon-cloudwatch-agent"];

#[test]
fn amazon_linux_has_the_agent_among_its_packages() {
    for (manager, release) in [
        ("dnf", "ID=\"amzn\"\nID_LIKE=\"fedora\"\n"),
        ("yum", "ID=\"amzn\"\nID_LIKE=\"centos rhel fedora\"\n"),
    ] {
        in_every_shell(|shell, machine| {
            let machine = machine_with(machine, release);
            machine.has_command(manager, "");
            let calls = installs(shell, &machine);
            assert_eq!(calls[0], format!("{manager} -y install amazon-cloudwatch-agent"), "{shell:?}");
            assert_eq!(calls[1..], ENABLED, "{shell:?}");
            assert_eq!(machine.read(CONFIG), JSON, "{shell:?}");
        });
    }
}

#[test]
fn other_systems_get_the_package_of_aws_from_the_bucket_of_the_region() {
    let systems = [
        (UBUNTU, "ubuntu/amd64/latest/amazon-cloudwatch-agent.deb", "dpkg -i -E work/watch.deb"),
        ("ID=debian\n", "debian/amd64/latest/amazon-cloudwatch-agent.deb", "dpkg -i -E work/watch.deb"),
        (
            "ID=\"rhel\"\nID_LIKE=\"fedora\"\n",
            "redhat/amd64/latest/amazon-cloudwatch-agent.rpm",
            "rpm -U work/watch.rpm",
        ),
        (
            "ID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\n",
            "redhat/amd64/latest/amazon-cloudwatch-agent.rpm",
            "rpm -U work/watch.rpm",
        ),
        (
            "ID=\"sles\"\nID_LIKE=\"suse\"\n",
            "suse/amd64/latest/amazon-cloudwatch-agent.rpm",
            "rpm -U work/watch.rpm",
        ),
    ];
    for (release, path, install) in systems {
        in_every_shell(|shell, machine| {
            let machine = machine_with(machine, release);
            for command in ["curl", "dpkg", "rpm"] {
                machine.has_command(command, "");
            }
            let file = install.rsplit(' ').next().unwrap();
            let fetch = format!(
                "curl -fsS -o {file} https://amazoncloudwatch-agent-eu-west-1.s3.eu-west-1.amazonaws.com/{path}"
            );
            assert_eq!(installs(shell, &machine), [&fetch, install, ENABLED[0], ENABLED[1]], "{shell:?}");
        });
    }
}

#[test]
fn wget_and_the_global_bucket_do_too() {
    in_every_shell(|shell, machine| {
        let machine = machine_with(machine, UBUNTU);
        machine.has_command("cloud-init", "exit 1");
        machine.has_command("uname", "echo aarch64");
        machine.has_command("wget", "");
        machine.has_command("dpkg", "");
        let url =
            "https://amazoncloudwatch-agent.s3.amazonaws.com/ubuntu/arm64/latest/amazon-cloudwatch-agent.deb";
        assert_eq!(installs(shell, &machine)[0], format!("wget -q -O work/watch.deb {url}"), "{shell:?}");
    });
}

#[test]
fn a_bucket_that_does_not_answer_is_asked_again() {
    in_every_shell(|shell, machine| {
        let machine = machine_with(machine, UBUNTU);
        let calls = machine.path("calls").display().to_string();
        machine.has_command("curl", &format!("[ \"$(grep -c curl '{calls}')\" -ge 4 ]"));
        machine.has_command("dpkg", "");
        let fetched = installs(shell, &machine).iter().filter(|call| call.starts_with("curl")).count();
        assert_eq!(fetched, 4, "{shell:?}");
    });
}

#[test]
fn an_agent_that_is_there_is_not_installed_again() {
    in_every_shell(|shell, machine| {
        let machine = machine_with(machine, "ID=arch\n");
        has_program(&machine, "amazon-cloudwatch-agent-ctl", "");
        machine.has_file(&format!("{AGENT}/etc/amazon-cloudwatch-agent.d/file_old"), "{}");
        assert_eq!(installs(shell, &machine), ENABLED, "{shell:?}");
        let mode = fs::metadata(machine.path(CONFIG)).unwrap().permissions().mode();
        assert_eq!((machine.read(CONFIG).as_str(), mode & 0o777), (JSON, 0o644), "{shell:?}");
        assert!(!machine.path(AGENT).join("etc/amazon-cloudwatch-agent.d/file_old").exists(), "{shell:?}");
    });
}

#[test]
fn a_configuration_that_the_agent_does_not_understand_fails_with_what_it_says() {
    in_every_shell(|shell, machine| {
        let machine = machine_with(machine, UBUNTU);
        has_program(&machine, "amazon-cloudwatch-agent-ctl", "");
        has_program(&machine, "config-translator", "echo 'Invalid Json input schema.'; exit 1");
        let verdict = failed(shell, &machine, &agent("watch", JSON));
        assert_eq!(verdict.log, ["Invalid Json input schema."], "{shell:?}");
        assert!(!machine.calls().iter().any(|call| call.starts_with("systemctl enable")), "{shell:?}");
    });
}

#[test]
fn a_system_without_an_agent_says_so() {
    in_every_shell(|shell, machine| {
        let machine = machine_with(machine, "ID=alpine\n");
        let verdict = failed(shell, &machine, &agent("watch", JSON));
        assert_eq!(results(&verdict), [("watch", StepResult::Failed, Some(1))], "{shell:?}");
        assert_eq!(verdict.log, ["AWS has no agent for alpine "], "{shell:?}");
    });
}
