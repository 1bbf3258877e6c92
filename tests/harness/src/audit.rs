use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

const POLICY: &str = "audit-policy.json";
const LOG: &str = "audit.log";

/// Whose requests are written down: ServiceAccounts', as RBAC is there for them.
const GROUP: &str = "system:serviceaccounts";

/// A request that the API server answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audited {
    /// `system:serviceaccount:NAMESPACE:NAME`
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `patch` and so on.
    pub verb: String,
    /// Empty for the core group.
    pub group: String,
    /// With the subresource after a slash: `imagebuilds/status`.
    pub resource: String,
    /// 403 where RBAC refused.
    pub code: u64,
}

/// Writes the policy; the arguments that make the API server keep a log after it.
pub(crate) fn arguments(dir: &Path) -> Result<[String; 2]> {
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata", "userGroups": [GROUP]}, {"level": "None"}],
    });
    let path = dir.join(POLICY);
    std::fs::write(&path, policy.to_string())?;
    let log = log_file(dir);
    Ok([format!("--audit-policy-file={}", path.display()), format!("--audit-log-path={}", log.display())])
}

fn log_file(dir: &Path) -> PathBuf {
    dir.join(LOG)
}

/// All requests so far that were about a resource.
pub(crate) fn read(dir: &Path) -> Result<Vec<Audited>> {
    let log = std::fs::read_to_string(log_file(dir)).context("the API server keeps no audit log")?;
    // The last line may still be on its way.
    let complete = log.rfind('\n').map_or("", |end| &log[..end]);
    let entries = complete.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    Ok(entries.iter().filter(|entry| entry["objectRef"].is_object()).map(audited).collect())
}

fn audited(entry: &Value) -> Audited {
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (resource, subresource) = (text("/objectRef/resource"), text("/objectRef/subresource"));
    Audited {
        user: text("/user/username"),
        verb: text("/verb"),
        group: text("/objectRef/apiGroup"),
        resource: if subresource.is_empty() { resource } else { format!("{resource}/{subresource}") },
        code: entry.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default(),
    }
}
