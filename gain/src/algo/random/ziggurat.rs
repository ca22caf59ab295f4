//! Ziggurats: tables of layers, and what is done with a word that doesn't lie inside its layer for certain.
//!
//! Most words are a variate each. Others need more words, or are given up for the next one.

use super::tables;

/// Where the tail of the normal distribution begins, and one over that.
pub(super) const NORMAL_R: f64 = 3.654_152_885_361_009;
pub(super) const NORMAL_INV_R: f64 = 0.273_661_237_329_758_3;
/// Where the tail of the exponential distribution begins.
pub(super) const EXPONENTIAL_R: f64 = 7.697_117_470_131_05;

const fn floats(bits: &[u64; 256]) -> [f64; 256] {
    let mut made = [0.0; 256];
    let mut i = 0;
    while i < 256 {
        made[i] = f64::from_bits(bits[i]);
        i += 1;
    }
    made
}

/// Layers of words of 64 bits.
pub(super) struct Layers<F: 'static, W: 'static> {
    /// Words below are inside.
    pub(super) inside: [W; 256],
    /// The width of a word.
    pub(super) width: [F; 256],
    /// The density at the edge.
    pub(super) density: [F; 256],
}

const NORMAL_LAYERS: Layers<f64, u64> =
    Layers { inside: tables::KI, width: floats(&tables::WI), density: floats(&tables::FI) };
const EXPONENTIAL_LAYERS: Layers<f64, u64> =
    Layers { inside: tables::KE, width: floats(&tables::WE), density: floats(&tables::FE) };
pub(super) static NORMAL: Layers<f64, u64> = NORMAL_LAYERS;
pub(super) static EXPONENTIAL: Layers<f64, u64> = EXPONENTIAL_LAYERS;

/// The same for words that have 23 bits, where those above have `bits`.
const fn short(layers: &Layers<f64, u64>, bits: u32) -> Layers<f32, u32> {
    let mut made = Layers { inside: [0; 256], width: [0.0; 256], density: [0.0; 256] };
    let (shift, mut i) = (bits - 23, 0);
    while i < 256 {
        made.inside[i] = ((layers.inside[i] + (1 << (shift - 1))) >> shift) as u32;
        made.width[i] = (layers.width[i] * (1u64 << shift) as f64) as f32;
        made.density[i] = layers.density[i] as f32;
        i += 1;
    }
    made
}

pub(super) static SHORT_NORMAL: Layers<f32, u32> = short(&NORMAL_LAYERS, 52);
pub(super) static SHORT_EXPONENTIAL: Layers<f32, u32> = {
    let mut made = short(&EXPONENTIAL_LAYERS, 53);
    // (These lie so near the middle of two floats that NumPy's tables have the other one.)
    made.width[226] = f32::from_bits(887_897_252);
    made.density[128] = f32::from_bits(1_044_427_410);
    made.density[154] = f32::from_bits(1_040_687_040);
    made.density[171] = f32::from_bits(1_037_009_518);
    made
};
