//! The shutdown of a gateway.

use std::time::Duration;

use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{
    Backend, Files, Phone, admin, config_text, eventually, holding_backend, init, ping, start, start_before,
};

#[tokio::test]
async fn an_exchange_in_flight_completes_and_no_new_connection_is_accepted() {
    let files = Files::new();
    let (backend, release) = holding_backend().await;
    let gateway = start_before(&files, &backend).await;
    let (address, admin_address) = (gateway.local_addr(), gateway.admin_addr().unwrap());
    assert_eq!(admin(&gateway, Method::GET, "/readyz", "").await.0, 200);

    let phone = Phone::new(&gateway);
    let exchange = tokio::spawn(async move { phone.send(&init()).await.status });
    eventually("the backend is asked", || async { backend.asked().len() == 1 }).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    let ending = tokio::spawn(gateway.shutdown(Duration::from_secs(30)));
    eventually("no connection is taken", || async {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<http_body_util::Empty<bytes::Bytes>>();
    let ready = client
        .get(format!("http://{admin_address}/readyz").parse().unwrap())
        .await
        .unwrap();
    assert_eq!(ready.status(), 503);
    assert!(!ending.is_finished());

    release.add_permits(1);
    assert_eq!(exchange.await.unwrap(), 200);
    assert_eq!(ending.await.unwrap(), 0);
    assert_eq!(
        tokio::io::AsyncReadExt::read(&mut idle, &mut [0]).await.unwrap(),
        0
    );
    assert!(TcpStream::connect(admin_address).await.is_err());
}

#[tokio::test]
async fn what_outlives_the_deadline_is_cut() {
    let files = Files::new();
    let (backend, _release) = holding_backend().await;
    let gateway = start_before(&files, &backend).await;
    let phone = Phone::new(&gateway);
    let exchange = tokio::spawn(async move { phone.try_send(&init()).await.is_err() });
    eventually("the backend is asked", || async { backend.asked().len() == 1 }).await;
    assert_eq!(gateway.shutdown(Duration::from_millis(100)).await, 1);
    assert!(exchange.await.unwrap());
}

#[tokio::test]
async fn it_can_end_with_anything_that_is_awaited() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    let address = gateway.local_addr();
    assert_eq!(gateway.run_until(async {}).await, 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn during_the_delay_it_says_that_it_ends_and_serves_on() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let text = format!("drain_delay = \"60m\"\n{}", config_text(&backend.url(), ""));
    let gateway = start(&files, &text).await;
    let phone = Phone::new(&gateway);
    let ready = format!("http://{}/readyz", gateway.admin_addr().unwrap());
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<http_body_util::Empty<bytes::Bytes>>();
    let ending = tokio::spawn(gateway.run_until(async {}));
    eventually("it says that it ends", || async {
        client.get(ready.parse().unwrap()).await.unwrap().status() == 503
    })
    .await;
    for _ in 0..2 {
        let reply = phone.send(&ping()).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.headers["connection"], "close");
    }
    assert!(!ending.is_finished());
    ending.abort();
}

/// Sends requests on one connection until a response asks to close it; returns how many were answered.
async fn keep_alive(mut stream: TcpStream, phone: Phone, pause: Duration) -> usize {
    for answered in 1.. {
        stream.write_all(&phone.raw()).await.unwrap();
        let mut response = Vec::new();
        while !is_whole(&response) {
            let read = stream.read_buf(&mut response).await;
            assert!(
                read.is_ok_and(|bytes| bytes > 0),
                "no response to request {answered}"
            );
        }
        assert!(
            response.starts_with(b"HTTP/1.1 200 "),
            "{}",
            response.escape_ascii()
        );
        if response.windows(17).any(|part| part == b"connection: close") {
            return answered;
        }
        tokio::time::sleep(pause).await;
    }
    0
}

/// True if it ends with as many bytes as it says.
fn is_whole(response: &[u8]) -> bool {
    let Some(end) = response.windows(4).position(|part| part == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&response[..end]).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    response.len() == end + 4 + length.unwrap().parse::<usize>().unwrap()
}

#[tokio::test]
async fn every_request_on_a_kept_connection_is_answered_at_the_end() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    let mut clients = JoinSet::new();
    for pause in 0..20 {
        let stream = TcpStream::connect(gateway.local_addr()).await.unwrap();
        let pause = Duration::from_millis(10 * pause);
        clients.spawn(keep_alive(stream, Phone::new(&gateway), pause));
    }
    let asked = || async { backend.asked().len() >= 100 };
    eventually("all are at work", asked).await;
    assert_eq!(gateway.run_until(async {}).await, 0);
    // A response that asks for no end, or none at all, is a panic there.
    let answered: usize = clients.join_all().await.into_iter().sum();
    assert_eq!(answered, backend.asked().len());
}

#[tokio::test]
async fn connections_that_the_system_has_established_are_served_at_the_end() {
    let (files, backend) = (Files::new(), Backend::saying(200, "{}").await);
    let gateway = start_before(&files, &backend).await;
    // They are not accepted before this task waits for something else.
    let connected: Vec<_> = (0..20)
        .map(|_| std::net::TcpStream::connect(gateway.local_addr()).unwrap())
        .collect();
    let phones: Vec<_> = connected.iter().map(|_| Phone::new(&gateway)).collect();
    let ending = gateway.run_until(async {});
    let clients = connected.into_iter().zip(phones).map(|(stream, phone)| {
        stream.set_nonblocking(true).unwrap();
        keep_alive(TcpStream::from_std(stream).unwrap(), phone, Duration::ZERO)
    });
    let clients: JoinSet<_> = clients.collect();
    let (cut, answered) = tokio::join!(ending, clients.join_all());
    assert_eq!((cut, answered), (0, vec![1; 20]));
}
