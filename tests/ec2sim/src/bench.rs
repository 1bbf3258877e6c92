//! `ec2sim bench`: listing images through the whole front, without a socket.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use ec2sim::{
    core::{Sim, clock::Clock, profile::Profile, records::Image, seed::DEFAULT_ACCOUNT, world::World},
    front::Front,
};
use hyper::Request;

const REGION: &str = "us-east-1";
const MEASURED: Duration = Duration::from_secs(2);

/// Prints how many pages of 100 and of 1,000 images are answered in a second.
pub fn run(images: usize) -> io::Result<()> {
    let begun = Instant::now();
    let clock = Clock::real(1.0);
    let sim = Arc::new(Sim::new(World::new(1, clock.now()), clock.now(), Profile::test()));
    println!("a new world: {:?}", begun.elapsed());
    sim.change(clock.now(), |world| fill(world, images, &clock));
    let front = Front::new(sim, clock);
    for size in [100, 1000] {
        let pages = measure(&front, size).ok_or_else(|| io::Error::other("a page was not answered"))?;
        println!("{images} images in pages of {size}: {pages:.0} pages a second");
    }
    Ok(())
}

fn fill(world: &mut World, images: usize, clock: &Clock) {
    for number in 0..images {
        let id = world.mint(ec2sim::core::ids::IMAGE);
        let mut image = Image::plain(DEFAULT_ACCOUNT, clock.now());
        image.id.clone_from(&id);
        image.name = format!("image {number}");
        image.tags.insert("number".to_owned(), number.to_string());
        world.region_mut(REGION).images.insert(id, Arc::new(image));
    }
}

/// Lists everything over and over; `None` if the front refused.
fn measure(front: &Front, size: usize) -> Option<f64> {
    let (mut pages, mut token) = (0_u32, String::new());
    let begun = Instant::now();
    while begun.elapsed() < MEASURED {
        let response = front.answer(&request(size, &token));
        if response.status() != 200 {
            return None;
        }
        let body = String::from_utf8(response.into_body()).ok()?;
        let rest = body.split_once("<nextToken>").and_then(|(_, rest)| rest.split_once("</nextToken>"));
        token = rest.map(|(token, _)| token.to_owned()).unwrap_or_default();
        pages += 1;
    }
    Some(f64::from(pages) / begun.elapsed().as_secs_f64())
}

fn request(size: usize, token: &str) -> Request<Vec<u8>> {
    let query =
        format!("Action=DescribeImages&Version=2016-11-15&Owner.1=self&MaxResults={size}&NextToken={token}");
    Request::builder()
        .method("POST")
        .uri("/")
        .header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/{REGION}/ec2/aws4_request, Signature=0"
            ),
        )
        .body(query.into_bytes())
        .expect("the request is well-formed")
}
