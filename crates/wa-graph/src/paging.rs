//! Paginated listings as a stream of rows.

mod page;

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::GraphClient;
use crate::error::{GraphError, GraphErrorKind};
use crate::request::GraphRequest;
use crate::response::GraphResponse;
use page::Page;

type Fetching = Pin<Box<dyn Future<Output = Result<GraphResponse<Value>, GraphError>> + Send>>;

/// A listing: a [`Stream`] of rows that fetches a page when its rows are needed.
///
/// The next page is requested with the cursor `paging.cursors.after`, as long as `paging.next` is present.
/// The URL in `next` is never followed, so that the token is sent to no other host. The stream ends after the
/// first error.
///
/// ```no_run
/// # async fn example(client: wa_graph::GraphClient) -> Result<(), Box<dyn std::error::Error>> {
/// let mut numbers = client.phone_numbers(&"102290129340398".parse()?);
/// while let Some(number) = numbers.next().await {
///     println!("{}", number?.id);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is fetched until a row is requested"]
pub struct Paged<T> {
    client: GraphClient,
    request: GraphRequest,
    rows: VecDeque<T>,
    seen: HashSet<String>,
    state: State,
}

enum State {
    Request { after: Option<String> },
    Fetching(Fetching),
    Done,
}

impl<T: DeserializeOwned> Paged<T> {
    pub(crate) fn new(client: GraphClient, request: GraphRequest) -> Self {
        Self {
            client,
            request,
            rows: VecDeque::new(),
            seen: HashSet::new(),
            state: State::Request { after: None },
        }
    }

    /// Returns the next row; `None` after the last.
    ///
    /// # Errors
    ///
    /// [`GraphError`] if a page cannot be fetched or read; the listing then ends.
    pub async fn next(&mut self) -> Option<Result<T, GraphError>>
    where
        T: Unpin + Send,
    {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Fetches all remaining rows.
    ///
    /// # Errors
    ///
    /// [`GraphError`] if a page cannot be fetched or read.
    pub async fn all(mut self) -> Result<Vec<T>, GraphError>
    where
        T: Unpin + Send,
    {
        let mut rows = Vec::new();
        while let Some(row) = self.next().await {
            rows.push(row?);
        }
        Ok(rows)
    }

    fn fetch(&self, after: Option<String>) -> Fetching {
        let mut request = self.request.clone();
        if let Some(after) = after {
            request = request.query("after", after);
        }
        let client = self.client.clone();
        Box::pin(async move { client.execute(request).await })
    }

    /// Queues the rows of a page and decides whether to request another one.
    fn queue(&mut self, response: GraphResponse<Value>) -> Result<State, GraphError> {
        let GraphResponse { body, meta, .. } = response;
        let failure =
            |kind, meta| GraphClient::failure(kind, &self.request, &self.client.url(&self.request), meta);
        let page = match Page::read(body, meta.status, self.client.base_url()) {
            Ok(page) => page,
            Err(kind) => return Err(failure(kind, meta)),
        };
        self.rows.extend(page.rows);
        match page.after {
            None => Ok(State::Done),
            Some(after) if self.seen.insert(after.clone()) => Ok(State::Request { after: Some(after) }),
            Some(_) => {
                self.rows.clear();
                Err(failure(GraphErrorKind::PagingLoop, meta))
            }
        }
    }
}

impl<T: DeserializeOwned + Unpin> Stream for Paged<T> {
    type Item = Result<T, GraphError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(row) = this.rows.pop_front() {
                return Poll::Ready(Some(Ok(row)));
            }
            match &mut this.state {
                State::Done => return Poll::Ready(None),
                State::Request { after } => {
                    let after = after.take();
                    this.state = State::Fetching(this.fetch(after));
                }
                State::Fetching(fetching) => {
                    let result = ready!(fetching.as_mut().poll(context));
                    this.state = State::Done;
                    match result.and_then(|response| this.queue(response)) {
                        Ok(state) => this.state = state,
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
            }
        }
    }
}

impl<T> fmt::Debug for Paged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paged")
            .field("request", &self.request)
            .field("pages", &(self.seen.len() + 1))
            .finish_non_exhaustive()
    }
}
