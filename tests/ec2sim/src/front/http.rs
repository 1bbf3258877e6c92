//! The server.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::{Front, admin};

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
    let service = service_fn(move |request| answer(request, peer, front.clone()));
    // A client that goes away in the middle is its own business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    front: Arc<Front>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return Ok(bare(413));
    };
    let request = Request::from_parts(parts, body.to_bytes().to_vec());
    let response = match request.uri().path().starts_with(admin::PREFIX) {
        // Who can reach the port from elsewhere may use the cloud, but not rule it.
        true if !peer.ip().is_loopback() => return Ok(bare(403)),
        true => admin::answer(&front, &request),
        false => front.answer(&request),
    };
    Ok(response.map(|body| Full::new(Bytes::from(body))))
}

fn bare(status: u16) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).body(Full::default());
    response.expect("the status is valid")
}
