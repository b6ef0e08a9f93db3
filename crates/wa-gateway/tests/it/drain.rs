//! How a gateway ends.

use std::time::Duration;

use http::Method;
use tokio::net::TcpStream;

use crate::support::{
    Backend, Files, Phone, admin, config_text, eventually, holding_backend, init, ping, start, start_before,
};

#[tokio::test]
async fn an_exchange_under_way_is_answered_before_the_end_and_nothing_new_is_taken() {
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
    assert_eq!(phone.send(&ping()).await.status, 200);
    assert!(!ending.is_finished());
    ending.abort();
}
