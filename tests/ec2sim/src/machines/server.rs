//! HTTP for machines, on ports of this machine that their relays lead to.

use std::{convert::Infallible, io, net::SocketAddr, path::PathBuf, sync::Arc};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, runtime::Handle, task::JoinHandle};

/// Dropping it closes the port.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers requests, whose bodies are not looked at.
    pub fn start(
        runtime: &Handle,
        answer: impl Fn(&Request<Incoming>) -> Response<Vec<u8>> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let task = runtime.spawn(serve(listener, Arc::new(answer)));
        Ok(Self { address, task })
    }

    /// The files of a directory.
    pub fn files(runtime: &Handle, directory: PathBuf) -> io::Result<Self> {
        Self::start(runtime, move |request| {
            let names = request.uri().path().split('/').filter(|name| !matches!(*name, "" | "." | ".."));
            let path = names.fold(directory.clone(), |path, name| path.join(name));
            let (status, body) = std::fs::read(path).map_or((404, Vec::new()), |content| (200, content));
            Response::builder().status(status).body(body).expect("the status is valid")
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answer = dyn Fn(&Request<Incoming>) -> Response<Vec<u8>> + Send + Sync;

async fn serve(listener: TcpListener, answer: Arc<Answer>) {
    while let Ok((stream, _)) = listener.accept().await {
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let response = answer(&request).map(|body| Full::new(Bytes::from(body)));
            async move { Ok::<_, Infallible>(response) }
        });
        // A machine that goes away in the middle is its own business.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
