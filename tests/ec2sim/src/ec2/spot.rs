//! Spot requests, as launches make them, and Spot prices.

mod prices;
mod requests;

use crate::core::Handler;

pub use self::requests::record;

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "CancelSpotInstanceRequests" => Some(Handler::Write(requests::cancel)),
        "DescribeSpotInstanceRequests" => Some(Handler::Read(requests::describe)),
        "DescribeSpotPriceHistory" => Some(Handler::Read(prices::describe)),
        _ => None,
    }
}
