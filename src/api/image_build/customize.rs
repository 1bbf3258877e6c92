//! How a builder is customized before it becomes an image.

use kube::{KubeSchema, core::Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::schema;

/// Maximum number of steps of a build.
pub const MAX_STEPS: usize = 100;

/// How the builder is customized before it becomes an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("duration(self.timeout) >= duration('1m')").field_path(".timeout").message("customize.timeout must be at least 1m"),
    validation = Rule::new("!has(self.steps) || self.steps.all(s, !has(s.script) || !has(s.script.timeout) || (duration(s.script.timeout) >= duration('1s') && duration(s.script.timeout) <= duration(self.timeout)))")
        .field_path(".steps").message("a script's timeout must be between 1s and customize.timeout")
)]
pub struct Customize {
    /// How the steps reach the builder. `UserData`: as a program that cloud-init runs; needs no network, agent or role.
    /// `SSM`: as commands of Systems Manager Run Command; needs the agent in the source image and an instance profile that
    /// lets it register. `SSM` allows larger contents, shows the output of each step, and runs PowerShell on Windows.
    #[serde(default)]
    pub transport: Transport,
    /// Time limit for all steps together, counted from when the builder is first seen running.
    #[serde(default = "default_timeout")]
    #[schemars(schema_with = "schema::duration", extend("default" = "30m"))]
    pub timeout: Duration,
    /// Steps, run in this order. The first failure ends the attempt; `backoffLimit` determines whether another one follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_STEPS), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub steps: Vec<Step>,
    /// What is removed from the guest after the last step. `Standard`: machine-id, SSH host keys, cloud-init's state,
    /// package caches, temporary files, shell histories, logs, DHCP leases and random seeds. `None`: nothing.
    #[serde(default)]
    pub cleanup: Cleanup,
}

impl Default for Customize {
    fn default() -> Self {
        Self {
            transport: Transport::UserData,
            timeout: default_timeout(),
            steps: Vec::new(),
            cleanup: Cleanup::Standard,
        }
    }
}

/// How the steps reach the builder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Transport {
    /// As a program in EC2 user data, which cloud-init runs; the result is reported on the serial console.
    #[default]
    UserData,
    /// As commands of Systems Manager Run Command.
    #[serde(rename = "SSM")]
    Ssm,
}

fn default_timeout() -> Duration {
    std::time::Duration::from_mins(30).into()
}

/// What is removed after the last step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Cleanup {
    /// What would give two instances the same identity, and traces of the builder. Never files of users.
    #[default]
    Standard,
    /// Nothing.
    None,
}

/// One customization step: a name and exactly one action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.script), has(self.file), has(self.packages), has(self.services), has(self.user), has(self.reboot), has(self.monitoring)].filter(x, x).size() == 1")
    .message("a step has exactly one action: script, file, packages, services, user, reboot or monitoring"))]
pub struct Step {
    /// Name of the step, unique among the steps: lower-case letters, digits and dashes.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub name: String,
    /// Runs a program as root. Exit code 0 means success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// Writes a file. Parent directories are created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    /// Removes, upgrades and installs packages, in this order, with dnf, yum, apt, zypper or apk, whichever the guest has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// Enables or disables services at boot of the image's instances. The step itself starts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Services>,
    /// Creates a user, or changes an existing one to match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Restarts the builder, for example for a new kernel; write `{}`. Later steps run after the restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reboot: Option<Reboot>,
    /// Installs and configures a monitoring agent, and starts it at boot of the image's instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<Monitoring>,
}

/// Content that is stored outside this manifest. Do not edit it while an attempt needs it: with `transport: UserData` until
/// the builder is launched, with `SSM` until the last step is done. Otherwise the attempt fails with `ContentChanged`, and
/// the next attempt uses the new content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContentSource {
    /// A key of a ConfigMap in the namespace of this object. While the ConfigMap or the key is missing, the build waits.
    pub config_map_key_ref: ConfigMapKeyRef,
}

/// A key of a ConfigMap in the same namespace, in its `data` or `binaryData`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"))]
    pub name: String,
    /// The key, such as `config.json`.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9._-]+$"))]
    pub key: String,
}

/// A program that runs as root. Exit code 0 means success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.inline) != has(self.from)").message("a script has exactly one of inline and from"),
    validation = Rule::new("!has(self.interpreter) || self.interpreter.startsWith('/') || self.interpreter in ['sh', 'bash', 'python3', 'perl', 'ruby', 'powershell']")
        .field_path(".interpreter").message("interpreter must be sh, bash, python3, perl, ruby, powershell or an absolute path")
)]
pub struct Script {
    /// The program. Its first line may name the interpreter (`#!/usr/bin/env python3`); otherwise it is `/bin/sh`. Do not
    /// include secrets: anyone who may describe the instance can read its user data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    pub inline: Option<String>,
    /// The program, stored elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ContentSource>,
    /// Interpreter that runs the program, regardless of its first line: sh, bash, python3, perl, ruby or an absolute path.
    /// On Windows powershell, which is the default there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[A-Za-z0-9/._+-]+$"))]
    pub interpreter: Option<String>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub env: Vec<EnvVar>,
    /// Working directory: the absolute path of an existing directory. Default: `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096), regex(pattern = r"^/[^\x00-\x1f]*$"))]
    pub working_directory: Option<String>,
    /// Time limit for this program, after which it is killed with everything it started. Default: the time left for all
    /// steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::duration")]
    pub timeout: Option<Duration>,
}

/// One environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Name of the variable: letters, digits and underscores, not starting with a digit.
    #[schemars(length(max = 128), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub name: String,
    /// Value of the variable: any characters except NUL. Do not include secrets: anyone who may describe the instance can
    /// read its user data.
    #[schemars(length(max = 4096), regex(pattern = r"^[^\x00]*$"))]
    pub value: String,
}

/// A file to write. Parent directories are created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.content), has(self.binaryData), has(self.contentFrom)].filter(x, x).size() == 1")
        .message("a file has exactly one of content, binaryData and contentFrom"),
    validation = Rule::new("self.path.startsWith('/') || self.path.matches('^[A-Za-z]:[/\\\\\\\\]')").field_path(".path")
        .message("path must be absolute, such as /etc/motd, or C:\\app\\app.conf on Windows"),
    validation = Rule::new("!self.path.endsWith('/')").field_path(".path")
        .message("path must name a file: it must not end with a slash"),
    validation = Rule::new("self.mode.matches('^[0-7]{3,4}$')").field_path(".mode")
        .message("mode must be three or four octal digits in quotes, such as \"0644\"")
)]
pub struct File {
    /// Absolute path of the file, without a trailing slash.
    #[schemars(length(min = 2, max = 4096), regex(pattern = r"^[^\x00-\x1f]*$"))]
    pub path: String,
    /// Mode in octal, in quotes, as for `chmod`: `"0644"`.
    #[serde(default = "default_mode")]
    #[schemars(length(max = 4))]
    pub mode: String,
    /// Owner as for `chown`: `user` or `user:group`.
    #[serde(default = "default_owner")]
    #[schemars(
        length(max = 65),
        regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$")
    )]
    pub owner: String,
    /// Text content, written unchanged. Do not include secrets: anyone who may describe the instance can read its user data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub content: Option<String>,
    /// Binary content in base64; whitespace is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 98304), regex(pattern = schema::BASE64))]
    pub binary_data: Option<String>,
    /// Text or binary content, stored elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_from: Option<ContentSource>,
}

fn default_mode() -> String {
    "0644".to_owned()
}

fn default_owner() -> String {
    "root:root".to_owned()
}

/// Packages to remove, upgrade and install, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.install) || has(self.remove) || self.upgrade != 'None'").message("packages needs install, remove or upgrade"))]
pub struct Packages {
    /// Packages to install, as the guest's package manager names them; versions, groups and wildcards where it supports
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::PACKAGE)))]
    pub install: Vec<String>,
    /// Packages to remove. Packages that are not installed are ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::PACKAGE)))]
    pub remove: Vec<String>,
    /// Which installed packages are upgraded. `None`: none. `Security`: those with security updates, as marked by the
    /// distribution; apk has no such marks and upgrades all. `All`: all.
    #[serde(default)]
    pub upgrade: Upgrade,
}

/// Which installed packages are upgraded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Upgrade {
    #[default]
    None,
    Security,
    All,
}

impl Upgrade {
    /// As the user writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Security => "Security",
            Self::All => "All",
        }
    }
}

/// Services of systemd or `OpenRC`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.enable) || has(self.disable) || has(self.mask)").message("services needs enable, disable or mask"))]
pub struct Services {
    /// Services to start at boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::UNIT)))]
    pub enable: Vec<String>,
    /// Services not to start at boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::UNIT)))]
    pub disable: Vec<String>,
    /// Services that can never be started, not even by other services. systemd only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::UNIT)))]
    pub mask: Vec<String>,
}

/// A user account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Name of the user: lower-case letters, digits, dashes and underscores.
    #[schemars(length(max = 32), regex(pattern = schema::USER))]
    pub name: String,
    /// Whether this is a system account: an ID from the system range, no home directory, and no login unless `shell` is set.
    #[serde(default)]
    pub system: bool,
    /// Supplementary groups. They are created if they do not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"), inner(length(max = 32), regex(pattern = schema::USER)))]
    pub groups: Vec<String>,
    /// Absolute path of the login shell. If not set, the guest's default is used, or no login for a system account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255), regex(pattern = r"^/[A-Za-z0-9/._+-]+$"))]
    pub shell: Option<String>,
}

/// A restart without options: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("maxProperties" = 0))]
pub struct Reboot {}

/// Monitoring of the image's instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Monitoring {
    /// The Amazon CloudWatch agent, installed from the distribution's packages if available there, otherwise from AWS.
    pub cloud_watch_agent: CloudWatchAgent,
}

/// The Amazon CloudWatch agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.config) != has(self.configFrom)").message("cloudWatchAgent has exactly one of config and configFrom"))]
pub struct CloudWatchAgent {
    /// Configuration of the agent, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 65536))]
    pub config: Option<String>,
    /// Configuration of the agent, stored elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_from: Option<ContentSource>,
}
