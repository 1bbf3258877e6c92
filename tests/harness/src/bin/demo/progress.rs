//! What the objects' status says, as rows for people.

use harness::{condition, is_true};
use serde_json::Value;

const STAGES: [&str; 6] =
    ["SourceResolved", "BuilderRunning", "Customized", "BuilderStopped", "ImageAvailable", "CleanedUp"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Waiting,
    Working,
    Done,
    Failed,
}

/// One stage of the build, or one region of the replication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The object, such as `imagebuild/web`.
    pub object: String,
    pub name: String,
    pub state: State,
    pub detail: String,
    pub percent: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Going,
    Ready,
    /// It will not go on by itself; the condition's message.
    Stalled(String),
}

pub fn verdict(objects: &[Value]) -> Verdict {
    if let Some(stalled) = objects.iter().find(|object| is_true(object, "Stalled")) {
        return Verdict::Stalled(format!("{}: {}", object_name(stalled), message(stalled, "Stalled")));
    }
    if objects.iter().all(|object| is_true(object, "Ready")) { Verdict::Ready } else { Verdict::Going }
}

pub fn rows(objects: &[Value]) -> Vec<Row> {
    objects
        .iter()
        .flat_map(
            |object| {
                if object["kind"] == "ImageBuild" { stage_rows(object) } else { region_rows(object) }
            },
        )
        .collect()
}

fn stage_rows(build: &Value) -> Vec<Row> {
    let current = STAGES.iter().find(|stage| status_of(build, stage) != "True");
    let row = |stage: &&'static str| {
        let state = match status_of(build, stage) {
            "True" => State::Done,
            _ if is_true(build, "Stalled") && Some(stage) == current => State::Failed,
            _ if Some(stage) == current => State::Working,
            _ => State::Waiting,
        };
        let percent = build["status"]["progress"].as_u64().filter(|_| state == State::Working);
        let detail = if state == State::Waiting { String::new() } else { stage_detail(build, stage) };
        Row { object: object_name(build), name: (*stage).to_owned(), state, detail, percent }
    };
    STAGES.iter().map(row).collect()
}

fn stage_detail(build: &Value, stage: &str) -> String {
    let status = &build["status"];
    let builder = &status["builder"];
    match stage {
        "SourceResolved" => join(&[&status["source"]["imageID"], &status["source"]["name"]]),
        "BuilderRunning" => {
            join(&[&builder["instanceID"], &builder["instanceType"], &builder["availabilityZone"]])
        }
        "Customized" => steps(status),
        "ImageAvailable" => join(&[&status["image"]["imageID"], &status["image"]["name"]]),
        _ => String::new(),
    }
}

fn steps(status: &Value) -> String {
    let steps = status["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let words = steps.iter().map(|step| join(&[&step["name"], &step["result"]]));
    words.collect::<Vec<_>>().join(", ")
}

fn region_rows(replication: &Value) -> Vec<Row> {
    let destinations =
        replication["status"]["destinations"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = |destination: &Value| {
        let copy = serde_json::json!({ "status": destination });
        let has = |kind| condition(&copy, kind).is_some_and(|condition| condition["status"] == "True");
        let state = match (has("Copied"), has("Stalled"), destination["imageID"].is_string()) {
            (true, _, _) => State::Done,
            (_, true, _) => State::Failed,
            (_, _, true) => State::Working,
            (_, _, false) => State::Waiting,
        };
        Row {
            object: object_name(replication),
            name: join(&[&destination["region"]]),
            state,
            detail: join(&[&destination["imageID"]]),
            percent: destination["progress"].as_u64().filter(|_| state == State::Working),
        }
    };
    destinations.iter().map(row).collect()
}

fn object_name(object: &Value) -> String {
    let kind = join(&[&object["kind"]]).to_lowercase();
    format!("{kind}/{}", join(&[&object["metadata"]["name"]]))
}

fn status_of<'a>(object: &'a Value, kind: &str) -> &'a str {
    condition(object, kind).and_then(|condition| condition["status"].as_str()).unwrap_or("Unknown")
}

fn message(object: &Value, kind: &str) -> String {
    condition(object, kind).map(|condition| join(&[&condition["message"]])).unwrap_or_default()
}

/// Those of the values that are strings.
fn join(values: &[&Value]) -> String {
    values.iter().filter_map(|value| value.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn build(conditions: &Value) -> Value {
        json!({
            "kind": "ImageBuild",
            "metadata": {"name": "web", "generation": 1},
            "status": {
                "observedGeneration": 1,
                "conditions": conditions,
                "progress": 40,
                "builder": {"instanceID": "i-1", "instanceType": "m7i.large", "availabilityZone": "us-east-1a"},
            },
        })
    }

    #[test]
    fn the_first_stage_that_is_not_true_is_under_way() {
        let object = build(&json!([
            {"type": "SourceResolved", "status": "True"},
            {"type": "BuilderRunning", "status": "False"},
            {"type": "Customized", "status": "Unknown"},
        ]));

        let rows = rows(&[object]);

        let states: Vec<State> = rows.iter().map(|row| row.state).collect();
        assert_eq!(states[..3], [State::Done, State::Working, State::Waiting]);
        assert_eq!(rows[1].detail, "i-1 m7i.large us-east-1a");
        assert_eq!((rows[0].percent, rows[1].percent, rows[2].percent), (None, Some(40), None));
    }

    #[test]
    fn a_stalled_object_ends_the_wait_with_its_message() {
        let object = build(&json!([{"type": "Stalled", "status": "True", "message": "step nginx failed"}]));

        assert_eq!(rows(std::slice::from_ref(&object))[0].state, State::Failed);
        assert_eq!(verdict(&[object]), Verdict::Stalled("imagebuild/web: step nginx failed".to_owned()));
    }

    #[test]
    fn ready_for_an_older_generation_is_not_ready() {
        let mut object = build(&json!([{"type": "Ready", "status": "True"}]));
        assert_eq!(verdict(std::slice::from_ref(&object)), Verdict::Ready);

        object["metadata"]["generation"] = json!(2);

        assert_eq!(verdict(&[object]), Verdict::Going);
    }

    #[test]
    fn a_region_tells_its_own_state() {
        let object = json!({
            "kind": "ImageReplication",
            "metadata": {"name": "web"},
            "status": {"destinations": [
                {"region": "eu-west-1", "imageID": "ami-1", "conditions": [{"type": "Copied", "status": "True"}]},
                {"region": "ap-southeast-2", "imageID": "ami-2", "progress": 30},
                {"region": "sa-east-1"},
            ]},
        });

        let rows = rows(&[object]);

        let seen: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.state, row.percent)).collect();
        assert_eq!(
            seen,
            [
                ("eu-west-1", State::Done, None),
                ("ap-southeast-2", State::Working, Some(30)),
                ("sa-east-1", State::Waiting, None),
            ]
        );
    }
}
