//! The server.

use std::{
    future::{self, poll_fn},
    io,
    net::SocketAddr,
    sync::Arc,
};

use http_body_util::{BodyExt, Limited};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::{Front, admin, broken::Payload};
use crate::faults::Delivery;

/// No request of the three services comes near this size.
const MAX_BODY: usize = 4 << 20;

/// Answers until the future is dropped.
pub async fn serve(listener: TcpListener, front: Arc<Front>) -> io::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(converse(stream, peer, front.clone()));
    }
}

async fn converse(stream: TcpStream, peer: SocketAddr, front: Arc<Front>) {
    // Nagle's algorithm would hold back small answers for 40 ms.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| Box::pin(answer(request, peer, front.clone())));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A client that goes away in the middle is its own business.
    let ended = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    if ended.is_err_and(|error| is_reset(&error)) {
        // Closing without lingering sends RST in place of FIN.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

/// In place of an answer: the connection is to be reset.
#[derive(Debug, thiserror::Error)]
#[error("a fault resets the connection")]
struct Reset;

fn is_reset(error: &hyper::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<Reset>)
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    front: Arc<Front>,
) -> Result<Response<Payload>, Reset> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return Ok(bare(413));
    };
    let request = Request::from_parts(parts, body.to_bytes().to_vec());
    if !request.uri().path().starts_with(admin::PREFIX) {
        let (response, delivery) = front.deliver(&request);
        return arrive(response, delivery).await;
    }
    // Who can reach the port from elsewhere may use the cloud, but not rule it.
    if !peer.ip().is_loopback() {
        return Ok(bare(403));
    }
    Ok(admin::answer(&front, &request).map(Payload::whole))
}

/// Lets an answer reach the client as its delivery says.
async fn arrive(response: Response<Vec<u8>>, delivery: Delivery) -> Result<Response<Payload>, Reset> {
    match delivery {
        Delivery::Now => Ok(response.map(Payload::whole)),
        Delivery::After(delay) => {
            tokio::time::sleep(delay).await;
            Ok(response.map(Payload::whole))
        }
        // Ends when the client closes the connection.
        Delivery::Never => future::pending().await,
        Delivery::Reset => Err(Reset),
        Delivery::Truncated => Ok(response.map(Payload::half)),
    }
}

fn bare(status: u16) -> Response<Payload> {
    let response = Response::builder().status(status).body(Payload::whole(Vec::new()));
    response.expect("the status is valid")
}

#[cfg(test)]
mod tests {
    use std::{
        io::{ErrorKind, Read, Write},
        net::TcpStream,
    };

    use super::*;
    use crate::{
        core::{Sim, clock::Clock, profile::Profile, world::World},
        faults::{Effect, Rule},
    };

    /// A server with one rule about each `DescribeVpcs`, and the runtime that it runs on.
    fn server(effect: Effect) -> (tokio::runtime::Runtime, SocketAddr) {
        let clock = Clock::manual("2026-01-01T00:00:00Z".parse().expect("a time"));
        let sim = Sim::new(World::new(1, clock.now()), clock.now(), Profile::test());
        sim.gate(|gate| gate.faults.add(clock.now(), Rule::on("DescribeVpcs", effect))).expect("valid");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(serve(listener, Arc::new(Front::new(Arc::new(sim), clock))));
        (runtime, address)
    }

    fn ask(address: SocketAddr, action: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).expect("connected");
        let query =
            format!("Action={action}&X-Amz-Credential=AKIA1%2F20260101%2Fus-east-1%2Fec2%2Faws4_request");
        let request = format!("GET /?{query} HTTP/1.1\r\nHost: ec2\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        stream
    }

    fn read(mut stream: TcpStream) -> (String, io::Result<usize>) {
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer);
        (String::from_utf8(answer).expect("text"), end)
    }

    #[test]
    fn a_lost_reply_resets_the_connection() {
        let (_runtime, address) = server(Effect::LostReply);
        let (answer, end) = read(ask(address, "DescribeVpcs"));
        assert_eq!(
            (answer.as_str(), end.map_err(|error| error.kind())),
            ("", Err(ErrorKind::ConnectionReset))
        );
    }

    #[test]
    fn a_truncated_answer_announces_more_than_it_sends() {
        let (_runtime, address) = server(Effect::TruncatedBody);
        let (answer, _) = read(ask(address, "DescribeVpcs"));
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let length: usize = length.parse().expect("a number");
        assert!(head.starts_with("HTTP/1.1 200") && body.len() == length / 2, "{} of {length}", body.len());
    }

    #[test]
    fn a_call_that_hangs_holds_up_nobody_else() {
        let (_runtime, address) = server(Effect::Hang);
        let hanging = ask(address, "DescribeVpcs");
        let (answer, end) = read(ask(address, "DescribeSubnets"));
        assert!(answer.starts_with("HTTP/1.1 200") && end.is_ok());
        hanging.set_nonblocking(true).expect("a socket");
        assert_eq!(hanging.peek(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    }
}
