//! Answers that break off.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// The body of an answer: all of it, or the first half and then a broken connection.
pub struct Payload {
    length: u64,
    data: Option<Bytes>,
    breaks_off: bool,
    flushed: bool,
}

impl Payload {
    pub fn whole(data: Vec<u8>) -> Self {
        Self { length: data.len() as u64, data: Some(data.into()), breaks_off: false, flushed: false }
    }

    /// Announces all of the data, and sends half of it.
    pub fn half(data: Vec<u8>) -> Self {
        let length = data.len() as u64;
        let data = Bytes::from(data);
        Self { length, data: Some(data.slice(..data.len() / 2)), breaks_off: true, flushed: false }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if !self.breaks_off {
            return Poll::Ready(None);
        }
        // Without a pause the server would drop the first half together with the connection.
        if !std::mem::replace(&mut self.flushed, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }

    fn is_end_stream(&self) -> bool {
        !self.breaks_off && self.data.as_ref().is_none_or(Bytes::is_empty)
    }
}
