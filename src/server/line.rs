//! A connection as it is read and written.
//!
//! The first thing that leaves after something has come is put into an outbox, if that takes it. Until it is gone the
//! connection may write no more, nor end.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, tcp, unix};

use super::outbox::Outbox;
use super::sender::{Sender, Socket};

/// A connection, whose answers may leave by an outbox.
#[derive(Debug)]
pub(super) struct Line<R> {
    reading: R,
    sender: Arc<Sender>,
    outbox: Arc<Outbox>,
    /// The task that the sender knows.
    task: Option<Waker>,
    /// Something has come, and what it leads to has not begun to leave.
    is_new: bool,
}

impl Line<tcp::OwnedReadHalf> {
    pub(super) fn tcp(stream: TcpStream, outbox: Arc<Outbox>) -> Self {
        let (reading, writing) = stream.into_split();
        Self::new(reading, Socket::Tcp(writing), outbox)
    }
}

impl Line<unix::OwnedReadHalf> {
    pub(super) fn unix(stream: UnixStream, outbox: Arc<Outbox>) -> Self {
        let (reading, writing) = stream.into_split();
        Self::new(reading, Socket::Unix(writing), outbox)
    }
}

impl<R> Line<R> {
    fn new(reading: R, socket: Socket, outbox: Arc<Outbox>) -> Self {
        Self { reading, sender: Sender::new(socket), outbox, task: None, is_new: false }
    }

    fn poll_write_pieces(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        ready!(self.poll_free(cx))?;
        if mem::take(&mut self.is_new)
            && let Some(length) = self.outbox.takes(&self.sender, pieces)
        {
            return Poll::Ready(Ok(length));
        }
        self.sender.poll_write(cx, pieces)
    }

    /// Ready when all has left. The sender is told of the task, which is nearly always the one that it knows.
    fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let task = cx.waker();
        if !self.task.as_ref().is_some_and(|known| known.will_wake(task)) {
            self.sender.know(task);
            self.task = Some(task.clone());
        }
        self.sender.poll_free(cx)
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Line<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.reading).poll_read(cx, buffer);
        self.is_new |= buffer.filled().len() > before;
        polled
    }
}

impl<R: Unpin> AsyncWrite for Line<R> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_pieces(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_pieces(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// What is in the box needs no help to leave; who waited for it would have its task polled for nothing.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.sender.has_returned() { self.poll_free(cx) } else { Poll::Ready(Ok(())) }
    }

    /// The socket itself is shut down when it is dropped.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_free(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};

    use chrono::DateTime;
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::outbox::{CROWD, MOST, Outboxes};
    use super::*;
    use crate::metrics::{Connected, Metrics};

    /// A line among as many as make a crowd, and the client at its other end.
    struct Crowd {
        line: Line<unix::OwnedReadHalf>,
        client: UnixStream,
        boxes: Outboxes,
        _others: Vec<Connected>,
    }

    impl Crowd {
        fn gather() -> Self {
            let metrics = Metrics::new(DateTime::UNIX_EPOCH);
            let others = (0..CROWD).map(|_| metrics.connection()).collect();
            let boxes = Outboxes::open(&metrics);
            let (client, server) = UnixStream::pair().unwrap();
            Self { line: Line::unix(server, boxes.next()), client, boxes, _others: others }
        }

        /// Something comes, so that what is written next belongs into the box.
        async fn ask(&mut self) {
            self.client.write_all(b"?").await.unwrap();
            self.line.read_exact(&mut [0]).await.unwrap();
        }

        /// The client reads nothing, and the socket takes nothing more.
        fn fill(&mut self) -> usize {
            let piece = [b'.'; 4096];
            let mut filled = 0;
            while let Some(written) = self.line.write(&piece).now_or_never() {
                filled += written.unwrap();
            }
            filled
        }
    }

    async fn all_of(mut client: UnixStream) -> String {
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn an_answer_leaves_by_the_box_and_the_next_piece_after_it() {
        let mut crowd = Crowd::gather();
        crowd.ask().await;
        crowd.line.write_all(b"head").now_or_never().unwrap().unwrap();
        crowd.line.flush().now_or_never().unwrap().unwrap();
        let early = crowd.client.try_read(&mut [0; 8]).map_err(|error| error.kind());
        assert_eq!(early, Err(ErrorKind::WouldBlock), "others have not been decided yet");
        assert!(crowd.line.write(b"body").now_or_never().is_none(), "it would overtake the head");
        crowd.line.write_all(b"body").await.unwrap();
        crowd.line.shutdown().await.unwrap();
        drop(crowd.line);
        assert_eq!(all_of(crowd.client).await, "headbody");
    }

    #[tokio::test]
    async fn who_fills_the_box_sends_all_that_is_in_it() {
        let Crowd { boxes, _others, .. } = Crowd::gather();
        let mut all = Vec::new();
        for _ in 0..MOST {
            let (client, server) = std::os::unix::net::UnixStream::pair().unwrap();
            client.set_nonblocking(true).unwrap();
            server.set_nonblocking(true).unwrap();
            let mut line = Line::unix(UnixStream::from_std(server).unwrap(), boxes.next());
            (&client).write_all(b"?").unwrap();
            line.read_exact(&mut [0]).await.unwrap();
            all.push((client, line));
        }
        let came = |mut client: &std::os::unix::net::UnixStream| client.read(&mut [0; 8]).map_err(|error| error.kind());
        for number in 0..MOST {
            assert_eq!(came(&all[0].0), Err(ErrorKind::WouldBlock), "{number}");
            all[number].1.write_all(b"answer").now_or_never().unwrap().unwrap();
        }
        assert!(all.iter().all(|(client, _)| came(client) == Ok(6)), "nobody was waited for");
    }

    #[tokio::test]
    async fn a_line_ends_when_its_last_answer_has_left() {
        let mut crowd = Crowd::gather();
        crowd.ask().await;
        crowd.line.write_all(b"the last one").await.unwrap();
        crowd.line.shutdown().await.unwrap();
        assert_eq!(crowd.client.try_read(&mut [0; 32]).unwrap(), 12);
    }

    #[tokio::test]
    async fn what_a_slow_client_does_not_take_comes_back_and_goes_on() {
        let mut crowd = Crowd::gather();
        let filled = crowd.fill();
        crowd.ask().await;
        crowd.line.write_all(b"answer").await.unwrap();
        tokio::task::yield_now().await;
        assert!(crowd.line.flush().now_or_never().is_none(), "nothing moves until the client reads");
        let reading = tokio::spawn(all_of(crowd.client));
        crowd.line.write_all(b", the end").await.unwrap();
        drop(crowd.line);
        let text = reading.await.unwrap();
        assert_eq!((text.len(), &text[filled..]), (filled + 15, "answer, the end"));
    }

    #[tokio::test]
    async fn a_client_that_is_gone_is_noticed() {
        let mut crowd = Crowd::gather();
        crowd.ask().await;
        drop(crowd.client);
        crowd.line.write_all(b"answer").await.unwrap();
        let error = crowd.line.shutdown().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn what_is_in_the_box_leaves_though_the_courier_is_dismissed() {
        let mut crowd = Crowd::gather();
        crowd.ask().await;
        crowd.line.write_all(b"one").await.unwrap();
        drop(crowd.boxes);
        tokio::task::yield_now().await;
        crowd.client.write_all(b"?").await.unwrap();
        crowd.line.read_exact(&mut [0]).await.unwrap();
        crowd.line.write_all(b", two").await.unwrap();
        drop(crowd.line);
        assert_eq!(all_of(crowd.client).await, "one, two");
    }
}
