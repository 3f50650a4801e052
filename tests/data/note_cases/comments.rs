/* A leaky cell.
 *
 *     h_t = a_t * h_{t-1} + (1 - a_t) * z_t    h_0 = 0      [B, H]
 *     z_t = tanh(W @ x_t)                    [B, H]
 *     a_t = σ(U @ x_t)                       [B, H]
 */

let rate = 0.1;

fn backward(d: f32) -> f32 {
    // Gradients of the step:
    // - of the candidate: ∂L/∂z_t = (1 - a_t) * ∂L/∂h_t - the direct path of one step
    // - of the state: ∂L/∂h_{t-1} = (1 - a_t) * ∂L/∂h_t
    let h_t = 0.9 * d; // not read
    h_t
}
