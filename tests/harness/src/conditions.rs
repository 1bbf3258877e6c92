use serde_json::Value;

/// The condition of that type in an object's status.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)
}

/// Whether an object has that condition with status `True`, for its present generation.
pub fn is_true(object: &Value, kind: &str) -> bool {
    let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
    current && condition(object, kind).is_some_and(|condition| condition["status"] == "True")
}
