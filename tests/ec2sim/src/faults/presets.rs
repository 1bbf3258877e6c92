//! Rules for what is known to go wrong at AWS, by name.
//!
//! Every preset takes `region` and `account` (globs, as in a rule's match) and `when` (in place of its own) besides
//! these, all of which may be left out:
//!
//! | preset | options and their defaults | what a client sees |
//! |---|---|---|
//! | `throttle-burst` | `action` `*`, `times` 20 | `RequestLimitExceeded` (503); SSM `ThrottlingException`, STS `Throttling` (400); so often for each service |
//! | `throttle-run` | `times` 5 | `RequestLimitExceeded` from `RunInstances` only |
//! | `flaky-5xx` | `action` `*`, `probability` 0.1 | `InternalError` (500), nothing carried out |
//! | `reset` | `action` `*`, `probability` 0.1 | the connection reset, nothing carried out |
//! | `lost-run`, `lost-create`, `lost-copy` | `times` 1 | `RunInstances`, `CreateImage`, `CopyImage` carried out, the connection reset |
//! | `not-found-window` | `seconds` 60 | no read finds new instances, images and snapshots for so long |
//! | `capacity` | `instanceType` `*`, `zone` `*` | `InsufficientInstanceCapacity` (500) where both fit |
//! | `dies-on-launch` | `seconds` 5, `code` `Server.InternalError`, `message` | a launch accepted, then `terminated` for that reason |
//! | `stuck-stopping` | | instances never get beyond `stopping` |
//! | `image-failed` | `seconds` 20, `code`, `message` | images of instances end in `failed` |
//! | `copy-failed` | `seconds` 30, `code`, `message` | copies (into `region`) end in `failed` |
//! | `slow-copy` | `seconds` 21600 | copies stay `pending` for so long |
//! | `kms-async` | `seconds` 5 | launches and copies accepted, then dead because of the key |
//! | `region-down` | `region` (required) | `Unavailable` (503) from all services of the region |
//! | `opt-in-required` | `productCode` | `OptInRequired` (401) from `RunInstances` |
//! | `expired-credentials` | | `RequestExpired`; SSM `ExpiredTokenException`, STS `ExpiredToken` |
//! | `sts-denied` | | `AccessDenied` (403) from `AssumeRole` and its like |
//! | `ssm-lag` | `seconds` 30 | SSM's reads are so old: no agent, `InvocationDoesNotExist`, no parameter |
//! | `partial-prune` | `code` `internal-error` | `DeregisterImage` keeps the snapshots and says so |
//! | `drift` | `change` `permission`, `tag` (`key`, `value`; none takes the tag off), `disabled` or `deregistered`; `image` `*`; `action` `DescribeImages`; `times` 1 | the images are changed before the call |

use std::time::Duration;

use serde_json::Value;

use super::{Drift, Effect, ImageEnd, InstanceEnd, Rule, When};
use crate::{
    core::{Service, error::ApiError, records::StateReason, seed},
    ec2,
};

type Rules = Result<Vec<Rule>, String>;

struct Preset {
    name: &'static str,
    options: &'static [&'static str],
    rules: fn(&Options) -> Rules,
}

const fn preset(
    name: &'static str,
    options: &'static [&'static str],
    rules: fn(&Options) -> Rules,
) -> Preset {
    Preset { name, options, rules }
}

/// What every preset takes.
const COMMON: [&str; 4] = ["preset", "region", "account", "when"];

const PRESETS: [Preset; 22] = [
    preset("throttle-burst", &["action", "times"], |it| {
        Ok(by_service(&it.text("action", "*")?, throttled).into_iter().map(times(it, 20)?).collect())
    }),
    preset("throttle-run", &["times"], |it| {
        one(Rule::on("RunInstances", throttled(Service::Ec2)).times(it.count("times", 5)?))
    }),
    preset("flaky-5xx", &["action", "probability"], |it| {
        let probability = it.number("probability", 0.1)?;
        let rules = by_service(&it.text("action", "*")?, broken);
        Ok(rules.into_iter().map(|rule| rule.with_probability(probability)).collect())
    }),
    preset("reset", &["action", "probability"], |it| {
        let rule = Rule::on(&it.text("action", "*")?, Effect::Reset);
        one(rule.with_probability(it.number("probability", 0.1)?))
    }),
    preset("lost-run", &["times"], |it| lost(it, "RunInstances")),
    preset("lost-create", &["times"], |it| lost(it, "CreateImage")),
    preset("lost-copy", &["times"], |it| lost(it, "CopyImage")),
    preset("not-found-window", &["seconds"], |it| {
        let seconds = it.seconds(60.0)?;
        let makers = "RunInstances|CreateImage|CopyImage|RegisterImage|CreateSnapshot|CopySnapshot";
        one(Rule::on(makers, Effect::InvisibleFor { seconds }))
    }),
    preset("capacity", &["instanceType", "zone"], capacity),
    preset("dies-on-launch", &["seconds", "code", "message"], |it| {
        let message = "Server.InternalError: Internal error on launch";
        let (code, message) = it.reason("Server.InternalError", message)?;
        let then = InstanceEnd::Terminated { code, message };
        one(Rule::on("RunInstances", Effect::Instance { pending: it.seconds(5.0)?, then }))
    }),
    preset("stuck-stopping", &[], |_| one(Rule::on("RunInstances|StopInstances", Effect::StuckStopping))),
    preset("image-failed", &["seconds", "code", "message"], |it| {
        let (code, message) =
            it.reason("Server.InternalError", "Image creation failed with an internal error.")?;
        let then = ImageEnd::Failed { code, message };
        one(Rule::on("CreateImage", Effect::Image { pending: it.seconds(20.0)?, then }))
    }),
    preset("copy-failed", &["seconds", "code", "message"], |it| {
        let (code, message) =
            it.reason("Server.InternalError", "Copy image failed with an internal error.")?;
        let then = ImageEnd::Failed { code, message };
        one(Rule::on("CopyImage", Effect::Image { pending: it.seconds(30.0)?, then }))
    }),
    preset("slow-copy", &["seconds"], |it| {
        let pending = it.seconds(6.0 * 3600.0)?;
        one(Rule::on("CopyImage", Effect::Image { pending, then: ImageEnd::Available }))
    }),
    preset("kms-async", &["seconds"], |it| {
        let pending = it.seconds(5.0)?;
        Ok(vec![
            Rule::on("RunInstances", dead_of_key(pending)),
            Rule::on("CopyImage", failed_of_key(pending)),
        ])
    }),
    preset("region-down", &[], |it| {
        if it.text("region", "")?.is_empty() {
            return Err("region-down needs a region".to_owned());
        }
        Ok(by_service("*", unavailable))
    }),
    preset("opt-in-required", &["productCode"], |it| {
        let error = ec2::opt_in_required(&it.text("productCode", seed::PRODUCT_CODE)?);
        one(Rule::on("RunInstances", Effect::error(error)))
    }),
    preset("expired-credentials", &[], |_| {
        Ok(by_service("*", |service| Effect::error(ApiError::expired(service))))
    }),
    preset("sts-denied", &[], |_| Ok(denied())),
    preset("ssm-lag", &["seconds"], |it| {
        one(Rule::on("*", Effect::Lag { seconds: it.seconds(30.0)? }).of(Service::Ssm))
    }),
    preset("partial-prune", &["code"], |it| {
        let code = it.text("code", "internal-error")?;
        one(Rule::on("DeregisterImage", Effect::KeepSnapshots { code }))
    }),
    preset("drift", &["image", "change", "key", "value", "action", "times"], drift),
];

/// The names of all presets.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|preset| preset.name)
}

/// The rules of a preset. Refuses options that it does not know.
pub fn rules(name: &str, options: &Value) -> Rules {
    let preset = PRESETS.iter().find(|preset| preset.name == name);
    let preset = preset.ok_or_else(|| format!("{name} is not a preset"))?;
    let given = options.as_object().map(|fields| fields.keys()).into_iter().flatten();
    let known = |option: &str| COMMON.contains(&option) || preset.options.contains(&option);
    if let Some(unknown) = given.into_iter().find(|option| !known(option)) {
        return Err(format!("{unknown} is not an option of {name}"));
    }
    let options = Options(options);
    let (region, account) = (options.text("region", "*")?, options.text("account", "*")?);
    let mut rules = (preset.rules)(&options)?;
    for (at, rule) in rules.iter_mut().enumerate() {
        rule.name = if at == 0 { name.to_owned() } else { format!("{name}/{}", at + 1) };
        rule.calls.region.clone_from(&region);
        rule.calls.account.clone_from(&account);
        if let Some(when) = options.when()? {
            rule.when = when;
        }
    }
    Ok(rules)
}

struct Options<'a>(&'a Value);

impl Options<'_> {
    fn text(&self, name: &str, default: &str) -> Result<String, String> {
        match &self.0[name] {
            Value::Null => Ok(default.to_owned()),
            Value::String(text) => Ok(text.clone()),
            other => Err(format!("{name} is a text, not {other}")),
        }
    }

    fn number(&self, name: &str, default: f64) -> Result<f64, String> {
        match &self.0[name] {
            Value::Null => Ok(default),
            given => given.as_f64().ok_or_else(|| format!("{name} is a number, not {given}")),
        }
    }

    fn count(&self, name: &str, default: u64) -> Result<u64, String> {
        match &self.0[name] {
            Value::Null => Ok(default),
            given => given.as_u64().ok_or_else(|| format!("{name} is a whole number, not {given}")),
        }
    }

    fn seconds(&self, default: f64) -> Result<Duration, String> {
        let seconds = self.number("seconds", default)?;
        Duration::try_from_secs_f64(seconds).map_err(|error| format!("seconds: {error}"))
    }

    fn reason(&self, code: &str, message: &str) -> Result<(String, String), String> {
        Ok((self.text("code", code)?, self.text("message", message)?))
    }

    fn when(&self) -> Result<Option<When>, String> {
        serde_json::from_value(self.0["when"].clone()).map_err(|error| format!("when: {error}"))
    }
}

// Presets are all of one type.
#[allow(clippy::unnecessary_wraps)]
fn one(rule: Rule) -> Rules {
    Ok(vec![rule])
}

fn times(options: &Options, default: u64) -> Result<impl Fn(Rule) -> Rule + use<>, String> {
    let times = options.count("times", default)?;
    Ok(move |rule: Rule| rule.times(times))
}

/// A rule for each service, because each has words of its own.
fn by_service(action: &str, effect: impl Fn(Service) -> Effect) -> Vec<Rule> {
    let services = [Service::Ec2, Service::Ssm, Service::Sts, Service::Iam, Service::Kms];
    services.map(|service| Rule::on(action, effect(service)).of(service)).into()
}

fn lost(options: &Options, action: &str) -> Rules {
    one(Rule::on(action, Effect::LostReply).times(options.count("times", 1)?))
}

fn throttled(service: Service) -> Effect {
    Effect::error(ApiError::throttled(service))
}

fn broken(service: Service) -> Effect {
    let (code, message) = match service {
        Service::Ec2 => ("InternalError", "An internal error has occurred"),
        Service::Kms => ("KMSInternalException", "An internal error has occurred."),
        Service::Ssm => ("InternalServerError", "An error occurred on the server side."),
        Service::Sts | Service::Iam => {
            ("InternalFailure", "The request processing has failed because of an unknown error.")
        }
    };
    Effect::error(ApiError::new(code, message).with_status(500))
}

fn unavailable(service: Service) -> Effect {
    let (code, message) = match service {
        Service::Ec2 => ("Unavailable", "The service is unavailable. Please try again shortly."),
        Service::Ssm | Service::Sts | Service::Iam | Service::Kms => {
            ("ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
        }
    };
    Effect::error(ApiError::new(code, message).with_status(503))
}

fn denied() -> Vec<Rule> {
    let by_key = "User: {principal} is not authorized to perform: sts:{action} on resource: {RoleArn}";
    let unsigned = "Not authorized to perform sts:{action}";
    let rule = |action: &str, message: &str| {
        let error = ApiError::new("AccessDenied", message).with_status(403);
        Rule::on(action, Effect::error(error)).of(Service::Sts)
    };
    vec![rule("AssumeRole", by_key), rule("AssumeRoleWith*", unsigned)]
}

fn capacity(options: &Options) -> Rules {
    let message = "We currently do not have sufficient {InstanceType} capacity in the Availability Zone you requested ({zone}). \
        Our system will be working on provisioning additional capacity. You can currently get {InstanceType} capacity by \
        not specifying an Availability Zone in your request or choosing {zones}.";
    let error = ApiError::new("InsufficientInstanceCapacity", message).with_status(500);
    let mut rule = Rule::on("RunInstances", Effect::error(error));
    rule.calls.zone = options.text("zone", "*")?;
    one(match options.text("instanceType", "*")? {
        any if any == "*" => rule,
        kind => rule.with_parameter("InstanceType", &kind),
    })
}

pub(crate) fn dead_of_key(pending: Duration) -> Effect {
    let StateReason { code, message } = ec2::kms::launch_without_key();
    Effect::Instance { pending, then: InstanceEnd::Terminated { code, message } }
}

pub(crate) fn failed_of_key(pending: Duration) -> Effect {
    let StateReason { code, message } = ec2::kms::copy_without_key();
    Effect::Image { pending, then: ImageEnd::Failed { code, message } }
}

fn drift(options: &Options) -> Rules {
    let change = match options.text("change", "permission")?.as_str() {
        "permission" => Drift::Permission,
        "disabled" => Drift::Disabled,
        "deregistered" => Drift::Deregistered,
        "tag" => {
            let (key, value) = (options.text("key", "")?, options.text("value", "")?);
            if key.is_empty() {
                return Err("a drift of a tag needs a key".to_owned());
            }
            Drift::Tag { key, value: (!value.is_empty()).then_some(value) }
        }
        other => return Err(format!("change is permission, tag, disabled or deregistered, not {other}")),
    };
    let image = options.text("image", "*")?;
    let rule = Rule::on(&options.text("action", "DescribeImages")?, Effect::Drift { image, change });
    one(rule.of(Service::Ec2).times(options.count("times", 1)?))
}
