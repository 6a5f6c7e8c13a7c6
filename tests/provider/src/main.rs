//! `provider-stand-in [--listen ADDRESS]`: prints the address it is bound to on a line of its own, then serves.

use std::error::Error;

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => "127.0.0.1:9300",
        ["--listen", address] => address,
        _ => return Err("usage: provider-stand-in [--listen ADDRESS]".into()),
    };
    let listener = TcpListener::bind(address).await?;
    provider_stand_in::prepare();
    println!("{}", listener.local_addr()?);
    Ok(provider_stand_in::serve(listener).await?)
}
