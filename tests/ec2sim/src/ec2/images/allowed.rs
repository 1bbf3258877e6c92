//! Allowed AMIs, a setting of an account in a region: which images of others it can find and launch.

use jiff::Timestamp;

use crate::core::{
    Call, Handler, Outcome, echo,
    error::ApiError,
    filters::wildcard,
    params::Params,
    records::Image,
    world::{Region, Settings, World},
    xml::Node,
};

/// (EC2 user guide, "Allowed AMIs", "Limits")
const MAX_CRITERIA: usize = 10;

/// Lets in no image of others.
const NONE: &str = "none";
const PROVIDERS: [&str; 4] = ["amazon", "aws-marketplace", "aws-backup-vault", NONE];
const CREATED: &str = "CreationDateCondition.MaximumDaysSinceCreated";
const DEPRECATED: &str = "DeprecationTimeCondition.MaximumDaysSinceDeprecated";

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "DisableAllowedImagesSettings" => Some(Handler::Write(disable)),
        "EnableAllowedImagesSettings" => Some(Handler::Write(enable)),
        "GetAllowedImagesSettings" => Some(Handler::Read(get)),
        "ReplaceImageCriteriaInAllowedImagesSettings" => Some(Handler::Write(replace)),
        _ => None,
    }
}

fn settings<'w>(call: &Call, world: &'w mut World) -> &'w mut Settings {
    call.region_mut(world).settings.entry(call.account().to_owned()).or_default()
}

fn get(call: &Call, world: &World) -> Outcome {
    let settings = call.region(world).settings(call.account());
    let criteria = settings.image_criteria.items().into_iter().map(echo::structure);
    Ok(Node::new()
        .text("state", state(settings))
        .set("imageCriterionSet", criteria)
        .text("managedBy", "account")
        .into())
}

fn state(settings: &Settings) -> &str {
    settings.allowed_images.as_deref().unwrap_or("disabled")
}

fn enable(call: &Call, world: &mut World) -> Outcome {
    let state = call.params.require("AllowedImagesSettingsState")?;
    if !matches!(state, "enabled" | "audit-mode") {
        let hint = "Valid values: enabled, audit-mode.";
        return Err(ApiError::bad_value(state, "AllowedImagesSettingsState", hint));
    }
    settings(call, world).allowed_images = Some(state.to_owned());
    Ok(Node::new().text("allowedImagesSettingsState", state).into())
}

fn disable(call: &Call, world: &mut World) -> Outcome {
    settings(call, world).allowed_images = None;
    Ok(Node::new().text("allowedImagesSettingsState", "disabled").into())
}

fn replace(call: &Call, world: &mut World) -> Outcome {
    let criteria = call.params.get("ImageCriterion").cloned().unwrap_or_default();
    if criteria.items().len() > MAX_CRITERIA {
        let message = format!("No more than {MAX_CRITERIA} image criteria may be specified.");
        return Err(ApiError::invalid_value(message));
    }
    criteria.items().into_iter().try_for_each(check)?;
    settings(call, world).image_criteria = criteria;
    Ok(Node::done().into())
}

/// Source: EC2 API reference, `ImageCriterionRequest`.
fn check(criterion: &Params) -> Result<(), ApiError> {
    for (list, most) in [("ImageProvider", 200), ("ImageName", 50), ("MarketplaceProductCode", 50)] {
        if criterion.texts(list).len() > most {
            return Err(ApiError::invalid_value(format!(
                "No more than {most} values of {list} may be specified."
            )));
        }
    }
    let providers = criterion.texts("ImageProvider");
    let is_account = |name: &str| name.len() == 12 && name.bytes().all(|digit| digit.is_ascii_digit());
    if let Some(unknown) = providers.iter().find(|name| !PROVIDERS.contains(name) && !is_account(name)) {
        let hint = format!("Valid values: {}, or the ID of an account.", PROVIDERS.join(", "));
        return Err(ApiError::bad_value(unknown, "ImageProvider", &hint));
    }
    if providers.contains(&NONE) && providers.len() > 1 {
        return Err(ApiError::invalid_value("The image provider none must be the only one."));
    }
    [CREATED, DEPRECATED].into_iter().try_for_each(|path| match criterion.int(path)? {
        Some(days) if days < 0 => {
            Err(ApiError::bad_value(&days.to_string(), path, "Expecting 0 or more days."))
        }
        _ => Ok(()),
    })
}

/// True if the criteria of an account, where it has any in force or under audit, let an image in. Its own images always are.
pub fn allows(region: &Region, account: &str, image: &Image, now: Timestamp) -> bool {
    let settings = region.settings(account);
    image.owner == account
        || settings.allowed_images.is_none()
        || settings.image_criteria.items().into_iter().any(|criterion| fits(criterion, image, now))
}

/// As [`allows`], but under audit everything is let in.
pub fn admits(region: &Region, account: &str, image: &Image, now: Timestamp) -> bool {
    region.settings(account).allowed_images.as_deref() != Some("enabled")
        || allows(region, account, image, now)
}

/// An image must meet all conditions of a criterion, and of each list one.
fn fits(criterion: &Params, image: &Image, now: Timestamp) -> bool {
    let any = |list: &str, fits: &dyn Fn(&str) -> bool| {
        let values = criterion.texts(list);
        values.is_empty() || values.into_iter().any(fits)
    };
    let alias = image.owner_alias.as_deref();
    let within = |path: &str, since: Option<Timestamp>| match (criterion.int(path), since) {
        (Ok(Some(days)), Some(since)) => now.duration_since(since).as_secs() <= days * 24 * 60 * 60,
        _ => true,
    };
    let deprecated_at = image.deprecated_at.filter(|at| *at <= now);
    // Of no days, not even the first moment.
    let is_excluded = deprecated_at.is_some() && criterion.int(DEPRECATED) == Ok(Some(0));
    !is_excluded
        && any("ImageProvider", &|name| alias == Some(name) || image.owner == name)
        && any("ImageName", &|name| wildcard(name, &image.name))
        && any("MarketplaceProductCode", &|code| image.product_codes.iter().any(|it| it.id == code))
        && within(CREATED, Some(image.created_at))
        && within(DEPRECATED, deprecated_at)
}
