//! Recorded baskets in place of generated ones, as `tools/completejourney.py` writes them. An article gets the rank of
//! its popularity, so that stock is spread over it as over a generated one.

use crate::town::{Basket, BasketLine, Stream, ZONES};
use std::collections::BTreeMap;
use std::path::Path;

/// Longer baskets are left out: nobody has 30 lines sent.
const LINES_MAX: usize = 12;

/// Reads baskets, one JSON object per line.
pub(crate) fn read(path: &Path) -> Result<Vec<Basket>, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(path)?;
    let mut told: Vec<Vec<(String, u32)>> = Vec::new();
    let mut asked: BTreeMap<String, u64> = BTreeMap::new();
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line)?;
        let lines = value["lines"].as_array().ok_or("a basket has no lines")?;
        let part = |line: &serde_json::Value| {
            let quantity = line["quantity"].as_u64().unwrap_or(1).clamp(1, 20) as u32;
            (line["sku"].as_str().unwrap_or_default().to_owned(), quantity)
        };
        let basket: Vec<(String, u32)> = lines.iter().map(part).collect();
        for (sku, _) in &basket {
            *asked.entry(sku.clone()).or_default() += 1;
        }
        if (1..=LINES_MAX).contains(&basket.len()) {
            told.push(basket);
        }
    }
    let mut ranked: Vec<(&String, &u64)> = asked.iter().collect();
    ranked.sort_by_key(|(sku, count)| (std::cmp::Reverse(**count), *sku));
    let ranks: BTreeMap<&String, usize> =
        ranked.iter().enumerate().map(|(rank, (sku, _))| (*sku, rank * crate::SKUS / ranked.len())).collect();
    let basket = |(number, parts): (usize, &Vec<(String, u32)>)| {
        let mut lines: Vec<BasketLine> = Vec::new();
        for (sku, quantity) in parts {
            let sku = ranks[sku];
            match lines.iter_mut().find(|line| line.sku == sku) {
                Some(line) => line.quantity += quantity,
                None => lines.push(BasketLine { sku, quantity: *quantity }),
            }
        }
        Basket { zone: number % ZONES as usize, lines }
    };
    Ok(told.iter().enumerate().map(basket).collect())
}

/// `orders` baskets spread evenly over the record. Full baskets are those of two lines and more: the record has only
/// what is sent in parcels.
pub(crate) fn stream(recorded: &[Basket], stream: Stream, orders: usize) -> Vec<Basket> {
    let least = if stream == Stream::Full { 2 } else { 1 };
    let fit: Vec<&Basket> = recorded.iter().filter(|basket| basket.lines.len() >= least).collect();
    let step = (fit.len() / orders.max(1)).max(1);
    fit.into_iter().step_by(step).take(orders).cloned().collect()
}
