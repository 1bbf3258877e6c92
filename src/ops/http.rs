//! `/livez`, `/readyz` and `/metrics`.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::metrics::Metrics;

/// Whether the operator watches: set when the watches have listed what there is. Trouble with AWS is told beside it, as
/// an operator that nobody sends requests to is none the better for being called unready.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    watches: Arc<AtomicBool>,
    troubles: Arc<Mutex<Vec<String>>>,
}

impl Readiness {
    /// Sets whether the operator is ready.
    pub fn set(&self, ready: bool) {
        self.watches.store(ready, Ordering::Relaxed);
    }

    /// Sets the problems to report, one sentence each.
    pub fn explain(&self, troubles: &[String]) {
        *self.troubles.lock().unwrap_or_else(PoisonError::into_inner) = troubles.to_vec();
    }

    fn page(&self) -> String {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = "ok\n".to_owned();
        for trouble in troubles.iter() {
            page.push_str(trouble);
            page.push('\n');
        }
        page
    }

    fn get(&self) -> bool {
        self.watches.load(Ordering::Relaxed)
    }
}

/// Opens the port.
///
/// # Errors
/// The address is in use or not available.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves requests until the process ends.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>, ready: Readiness) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: at once it would only fail again.
                tracing::warn!(%error, "a connection to the health port could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (metrics, ready) = (metrics.clone(), ready.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = answer(&request, &metrics, &ready);
                async move { Ok::<_, Infallible>(response) }
            });
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a connection to the health port ended");
            }
        });
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics, ready: &Readiness) -> Response<Full<Bytes>> {
    match request.uri().path() {
        "/livez" => text(StatusCode::OK, "ok\n"),
        "/readyz" if ready.get() => text(StatusCode::OK, ready.page()),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "the watches have not listed all objects yet\n"),
        "/metrics" => text(StatusCode::OK, metrics.text()),
        _ => text(StatusCode::NOT_FOUND, "try /livez, /readyz or /metrics\n"),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}
