//! What a build does to a machine, seen from a machine that boots the image.

use serde_json::{Value, json};

use super::stand::{await_no_process, build, machines, proof};

/// Every kind of step, each with what it is easy to get wrong.
fn every_kind_of_step() -> Value {
    json!({"timeout": "40m", "steps": [
        {"name": "software", "packages": {"upgrade": "All", "install": ["ami-greeting"]}},
        {"name": "account", "user": {"name": "web", "system": true, "groups": ["adm", "images"]}},
        {"name": "settings", "file": {
            "path": "/etc/web/so me.conf", "mode": "0640", "owner": "web:images", "content": "größer \"$HOME\" 'x'\n",
        }},
        {"name": "blob", "file": {"path": "/etc/web/blob", "binaryData": "AP8KDQ=="}},
        {"name": "notes", "file": {"path": "/etc/web/notes", "contentFrom": {
            "configMapKeyRef": {"name": "web", "key": "notes"},
        }}},
        {"name": "agent", "script": {"inline": AGENT}},
        {"name": "watch", "monitoring": {"cloudWatchAgent": {"config": "{\"agent\": {}}\n"}}},
        {"name": "work", "script": {
            "interpreter": "/bin/bash", "workingDirectory": "/etc/web", "env": [{"name": "WORDS", "value": "a  b\\n$c"}],
            "inline": "set -o pipefail\nprintf '%s %s\\n' \"$PWD\" \"$WORDS\" >/etc/web/work\n",
        }},
        {"name": "kernel", "reboot": {}},
        {"name": "identity", "script": {
            "inline": "cat /etc/machine-id /etc/ssh/ssh_host_*_key.pub >/etc/web/identity\nuptime -s >/etc/web/booted\n",
        }},
        {"name": "services", "services": {"enable": ["ami-greeting.service"], "mask": ["dpkg-db-backup.timer"]}},
    ], "cleanup": "Standard"})
}

/// The agent itself is in none of Debian's archives: what a package of it would have installed.
const AGENT: &str = r"set -e
mkdir -p /opt/aws/amazon-cloudwatch-agent/bin
printf '#!/bin/sh\n' >/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
chmod 755 /opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
printf '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' \
  >/etc/systemd/system/amazon-cloudwatch-agent.service
";

const LOOK: &str = r#"#!/bin/sh
say() { printf 'PROOF %s\n' "$*" >/dev/console; }
say "zone $(cloud-init query availability_zone)"
say "packages $(cat /usr/share/ami-proof/version) $(ami-greeting)"
say "account $(id -Gn web)"
say "settings $(stat -c '%a %U:%G' '/etc/web/so me.conf') $(cat '/etc/web/so me.conf')"
say "blob $(od -An -tx1 /etc/web/blob)"
say "notes $(cat /etc/web/notes)"
say "watched $(cat /opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json) $(systemctl is-enabled amazon-cloudwatch-agent)"
say "work $(cat /etc/web/work)"
say "services $(systemctl is-enabled ami-greeting.service dpkg-db-backup.timer | tr '\n' ' ')"
say "greeted $(journalctl -b -q -u ami-greeting.service | grep -c 'hello from a package')"
for identity in /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub; do
  test -s "$identity" && ! grep -qxF "$(cat "$identity")" /etc/web/identity && say "fresh $identity"
done
say "left $(ls -d /var/lib/ami-operator-* /var/lib/cloud/scripts/per-boot/ami-operator-* 2>/dev/null | wc -l)"
say end
"#;

#[test]
fn an_instance_of_the_image_has_what_every_kind_of_step_made() {
    let Some(mut stand) = machines() else { return };
    let _operator = stand.start();
    stand.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"},
        "data": {"notes": "in a ConfigMap: größe\n"},
    }));
    stand.apply(&build("debian-12", &every_kind_of_step()));
    let built = stand.until_ended("imagebuild/web");
    let results = built["status"]["steps"].as_array().expect("steps").iter();
    let failed: Vec<&Value> = results.filter(|step| step["result"] != "Succeeded").collect();
    assert!(failed.is_empty(), "{failed:?} {}", built["status"]);
    assert!(stand.running_instances().is_empty());
    let image = built["status"]["image"]["imageID"].as_str().expect("an image");
    assert_eq!(
        proof(&stand, image, LOOK),
        [
            "zone us-east-1b",
            "packages 2.0 hello from a package",
            "account web adm images",
            "settings 640 web:images größer \"$HOME\" 'x'",
            "blob  00 ff 0a 0d",
            "notes in a ConfigMap: größe",
            "watched {\"agent\": {}} enabled",
            "work /etc/web a  b\\n$c",
            "services enabled masked ",
            "greeted 1",
            "fresh /etc/machine-id",
            "fresh /etc/ssh/ssh_host_ed25519_key.pub",
            "left 0",
            "end",
        ]
    );
    await_no_process(&mut stand);
}

/// Without systemd and without GNU's tools where busybox has its own.
#[test]
fn another_system_with_openrc_and_busybox_builds_too() {
    let Some(mut stand) = machines() else { return };
    let _operator = stand.start();
    let steps = json!([
        {"name": "software", "packages": {"upgrade": "All", "install": ["ami-greeting"]}},
        {"name": "account", "user": {"name": "web", "groups": ["images"]}},
        {"name": "settings", "file": {"path": "/etc/web.conf", "mode": "0600", "owner": "web", "content": "größer\n"}},
        {"name": "kernel", "reboot": {}},
        {"name": "identity", "script": {"inline": "cat /etc/ssh/ssh_host_*_key.pub >/etc/identity\n"}},
        {"name": "services", "services": {"enable": ["ami-greeting"]}},
    ]);
    stand.apply(&build("debian-13-openrc", &json!({"timeout": "40m", "steps": steps})));
    let built = stand.until_ended("imagebuild/web");
    let image = built["status"]["image"]["imageID"].as_str().unwrap_or_else(|| panic!("{}", built["status"]));
    let look = r#"#!/bin/sh
say() { printf 'PROOF %s\n' "$*" >/dev/console; }
say "sh $(readlink /bin/sh) $(cat /proc/1/comm)"
say "packages $(cat /usr/share/ami-proof/version) $(ami-greeting)"
say "settings $(stat -c '%a %U' /etc/web.conf) $(cat /etc/web.conf)"
rc-update show default | grep -q ami-greeting && say "enabled"
grep -qxF "$(cat /etc/ssh/ssh_host_ed25519_key.pub)" /etc/identity || say "fresh"
say end
"#;
    assert_eq!(
        proof(&stand, image, look),
        [
            "sh busybox init",
            "packages 2.0 hello from a package",
            "settings 600 web größer",
            "enabled",
            "fresh",
            "end"
        ]
    );
    await_no_process(&mut stand);
}
