//! The same seen from the other side: what ec2sim holds, compared with what kubectl says.

use anyhow::{Result, bail};
use serde_json::{Map, Value};

use crate::world::World;

/// Whose access key the operator has.
const ACCOUNT: &str = "123456789012";
const OWNERSHIP_TAG: &str = "ami-operator.dev/uid";

/// Prints what is true, and fails with what is not.
pub fn print(world: &World) -> Result<()> {
    let state = world.ec2sim.state()?;
    let images = world.images()?;
    let problems = problems(&state["accounts"][ACCOUNT], &images, &mut |line| println!("  {line}"));
    if !problems.is_empty() {
        bail!("EC2 does not agree: {}", problems.join("; "));
    }
    Ok(())
}

/// `images` are region and id, the source of the copies first.
fn problems(regions: &Value, images: &[(String, String)], say: &mut dyn FnMut(String)) -> Vec<String> {
    let mut problems = Vec::new();
    if images.len() != 3 {
        problems.push(format!("kubectl shows {} images instead of 3", images.len()));
    }
    for (region, id) in images {
        let image = &regions[region]["images"][id];
        let source = images.first().filter(|first| first.1 != *id);
        let wrong =
            image_problems(image, source).into_iter().chain(snapshot_problems(&regions[region], image));
        problems.extend(wrong.map(|problem| format!("{id} in {region} {problem}")));
        say(describe(region, id, image));
    }
    let leftovers = leftovers(regions);
    if leftovers.is_empty() {
        say("no instance and no volume is left in any region".to_owned());
    }
    problems.extend(leftovers);
    problems
}

fn image_problems(image: &Value, source: Option<&(String, String)>) -> Vec<String> {
    let mut problems = Vec::new();
    if image["state"] != "available" {
        problems.push(format!("is {} instead of available", image["state"]));
    }
    if !image["tags"][OWNERSHIP_TAG].is_string() {
        problems.push("does not say whose it is".to_owned());
    }
    if let Some((region, id)) = source
        && (image["sourceImageId"] != **id || image["sourceImageRegion"] != **region)
    {
        problems.push(format!("is not a copy of {id} in {region}"));
    }
    problems
}

fn snapshot_problems(region: &Value, image: &Value) -> Vec<String> {
    let snapshots = snapshots_of(image);
    if snapshots.is_empty() {
        return vec!["has no snapshot".to_owned()];
    }
    let unfinished = snapshots.iter().filter(|id| region["snapshots"][id]["state"] != "completed");
    unfinished.map(|id| format!("has a snapshot {id} that is not completed")).collect()
}

fn snapshots_of(image: &Value) -> Vec<&str> {
    image["snapshots"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn describe(region: &str, id: &str, image: &Value) -> String {
    let source = match (image["sourceInstanceId"].as_str(), image["sourceImageId"].as_str()) {
        (Some(instance), _) => format!("made of {instance}"),
        (None, Some(image)) => format!("copied from {image}"),
        (None, None) => "from nowhere".to_owned(),
    };
    let state = image["state"].as_str().unwrap_or("absent");
    let snapshots = snapshots_of(image).join(" ");
    let own_tags = tags(image).filter(|(key, _)| !key.starts_with("ami-operator.dev/")).map(text);
    format!("{region:<16} {id} {state}, {source}, {snapshots}, {}", own_tags.collect::<Vec<_>>().join(" "))
}

fn tags(resource: &Value) -> impl Iterator<Item = (&String, &Value)> {
    resource["tags"].as_object().into_iter().flat_map(Map::iter)
}

fn text((key, value): (&String, &Value)) -> String {
    format!("{key}={}", value.as_str().unwrap_or_default())
}

/// Instances that are not terminated, and volumes.
fn leftovers(regions: &Value) -> Vec<String> {
    let regions = regions.as_object().into_iter().flat_map(Map::iter);
    regions
        .flat_map(|(name, region)| {
            let instances = region["instances"].as_object().into_iter().flat_map(Map::iter);
            let alive = instances.filter(|(_, instance)| instance["state"] != "terminated");
            let volumes = region["volumes"].as_object().into_iter().flat_map(Map::iter);
            alive.chain(volumes).map(move |(id, _)| format!("{id} is left in {name}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(region: &str, id: &str) -> (String, String) {
        (region.to_owned(), id.to_owned())
    }

    fn images() -> [(String, String); 3] {
        [image("us-east-1", "ami-1"), image("eu-west-1", "ami-2"), image("ap-southeast-2", "ami-3")]
    }

    fn region(id: &str, source: &Value) -> Value {
        let mut image = json!({"state": "available", "tags": {OWNERSHIP_TAG: "u"}, "snapshots": ["snap-1"]});
        image.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
        json!({"images": {id: image}, "snapshots": {"snap-1": {"state": "completed"}}})
    }

    fn regions() -> Value {
        let copy = json!({"sourceImageId": "ami-1", "sourceImageRegion": "us-east-1"});
        json!({
            "us-east-1": region("ami-1", &json!({"sourceInstanceId": "i-1"})),
            "eu-west-1": region("ami-2", &copy),
            "ap-southeast-2": region("ami-3", &copy),
        })
    }

    fn found(regions: &Value) -> Vec<String> {
        problems(regions, &images(), &mut |_| ())
    }

    #[test]
    fn an_image_and_its_two_copies_are_proof() {
        assert_eq!(found(&regions()), Vec::<String>::new());
    }

    #[test]
    fn a_running_instance_is_a_leftover_and_a_terminated_one_is_not() {
        let mut regions = regions();
        regions["us-east-1"]["instances"] =
            json!({"i-1": {"state": "terminated"}, "i-2": {"state": "running"}});

        assert_eq!(found(&regions), ["i-2 is left in us-east-1"]);
    }

    #[test]
    fn a_copy_of_another_image_is_no_proof() {
        let mut regions = regions();
        regions["eu-west-1"]["images"]["ami-2"]["sourceImageId"] = json!("ami-9");

        assert_eq!(found(&regions), ["ami-2 in eu-west-1 is not a copy of ami-1 in us-east-1"]);
    }

    #[test]
    fn an_image_that_only_kubectl_knows_is_no_proof() {
        let mut regions = regions();
        regions["us-east-1"]["images"] = json!({});

        let found = found(&regions);

        assert!(found.contains(&"ami-1 in us-east-1 is null instead of available".to_owned()), "{found:?}");
    }
}
