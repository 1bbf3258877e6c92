use crate::core::Handler;

pub fn handler(_action: &str) -> Option<Handler> {
    None
}
