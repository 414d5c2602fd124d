// One step of the sketch's language model and the layers of the diffusion transformer: fewer passes over memory than one
// operation after another, and products that keep the CPU's units busy. Weights are float32, or whole numbers of 7 or 8
// bits.
//
// With whole numbers, rows are rounded too, each with a scale of its own. With VNNI weights and rows have 8 bits. Without,
// both have 7, and the packing keeps the weights small enough (see layout.py) that 16 bits hold the sum of eight products:
// every product is exact either way, and what is lost is lost in the rounding of rows and weights only.
//
// Plain C at the border: pointers, sizes and float32; nothing of torch, no state. Compiled by build.py for the machine
// that runs it.

#include <vector>

#include "attention.h"

extern "C" {

struct Layer {
  const float* attention_norm;
  const float* mlp_norm;
  Linear qkv, out, gate_up, down;
};

}  // extern "C"

namespace {

constexpr int64_t kPart = 2 * kRows;  // rows of a long sequence that go through a layer at once
constexpr int kGap = 16;              // between wide rows: else all begin in the same lines of the cache

// What a call writes on the way, in memory that its caller keeps: asking the system for it anew costs as much as a
// layer. Carved from one stretch of bytes.
struct Room {
  float *normed, *projected, *attended, *wide, *added, *scales;
  uint8_t* bytes;
  int64_t size = 0;

  Room(char* memory, int64_t rows, int64_t dim, int64_t hidden) {
    normed = take<float>(memory, rows * dim);
    projected = take<float>(memory, rows * (3 * dim + kGap));
    attended = take<float>(memory, rows * dim);
    wide = take<float>(memory, rows * (2 * hidden + kGap));
    added = take<float>(memory, rows * dim);
    scales = take<float>(memory, rows);
    bytes = take<uint8_t>(memory, rows * (std::max(dim, hidden) + kDepth));
  }

 private:
  template <typename T>
  T* take(char* memory, int64_t count) {
    T* at = reinterpret_cast<T*>(memory + size);
    size += (count * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
    return at;
  }
};

// Row r of `count` is made ready for a product: rounded where the weights are whole numbers.
inline void ready(const Linear& linear, const Room& room, int64_t r, const float* row) {
  if (is_whole(linear)) room.scales[r] = rounded(row, linear.k, linear.padded_k, room.bytes + r * linear.padded_k);
}

// Rows that were made ready, and where their values lie.
inline Rows in(const Room& room, const float* values, int64_t apart) {
  return {values, apart, room.bytes, room.scales};
}

// The next two are called inside a parallel region by all of its threads; both leave their rows in room.added.

// What attention gave, through its last projection.
void projected_out(const Layer& layer, const Room& room, const float* attended, int64_t rows, int64_t dim) {
  if (is_whole(layer.out)) {
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; ++r) ready(layer.out, room, r, attended + r * dim);
  }
  product(layer.out, in(room, attended, dim), rows, room.added, dim);
}

// Rows that lie ready in room.normed, through the gated layer.
void fed_forward(const Layer& layer, const Room& room, int64_t rows, int64_t dim, int64_t hidden) {
  const int64_t wide = 2 * hidden + kGap;
  product(layer.gate_up, in(room, room.normed, dim), rows, room.wide, wide);
#pragma omp for schedule(static)
  for (int64_t r = 0; r < rows; ++r) {
    gated(room.wide + r * wide, hidden);
    ready(layer.down, room, r, room.wide + r * wide);
  }
  product(layer.down, in(room, room.wide, wide), rows, room.added, dim);
}

}  // namespace

extern "C" {

// Largest whole numbers of rows and of weights; inputs that are summed in 16 bits; outputs of a panel.
void shape(int64_t* out) {
  out[0] = kLevels, out[1] = HAS_DOT, out[2] = kDepth, out[3] = kColumns;
}

// Bytes of memory that the calls below want for so many rows.
int64_t room(int64_t rows, int64_t dim, int64_t hidden) { return Room(nullptr, rows, dim, hidden).size; }

// rows [count, k] -> out [count, n]; memory: room(count, k, 0).
void linear(const Linear* layer, const float* rows, int64_t count, float* out, char* memory, int threads) {
  const Room room(memory, count, layer->k, 0);
#pragma omp parallel num_threads(threads)
  {
#pragma omp for schedule(static)
    for (int64_t r = 0; r < count; ++r) ready(*layer, room, r, rows + r * layer->k);
    product(*layer, in(room, rows, layer->k), count, out, layer->n);
  }
}

// The part of a layer of the LM before its attention, for whole sequences: x [count, dim] -> projected [count, 3 * dim],
// queries and keys turned. Row r is at position r % length; cosines, sines [length, width / 2].
void lm_before(const Layer* layer, const float* x, float* projected, const float* cosines, const float* sines,
               int64_t count, int64_t length, int64_t dim, int64_t heads, char* memory, int threads) {
  const int64_t width = dim / heads;
  const Room room(memory, std::min(kPart, count), dim, 0);
#pragma omp parallel num_threads(threads)
  for (int64_t begin = 0; begin < count; begin += kPart) {
    const int64_t rows = std::min(kPart, count - begin);
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; ++r) {
      float* row = room.normed + r * dim;
      normed(const_cast<float*>(x) + (begin + r) * dim, nullptr, layer->attention_norm, dim, false, row);
      ready(layer->qkv, room, r, row);
    }
    product(layer->qkv, in(room, room.normed, dim), rows, projected + begin * 3 * dim, 3 * dim);
#pragma omp for schedule(static)
    for (int64_t r = begin; r < begin + rows; ++r)
      for (int64_t head = 0; head < 2 * heads; ++head)
        rotated(projected + r * 3 * dim + head * width, cosines + r % length * width / 2,
                sines + r % length * width / 2, width / 2);
  }
}

// The part after it: x [count, dim] becomes the layer's output; attended [count, dim].
void lm_after(const Layer* layer, float* x, const float* attended, int64_t count, int64_t dim, int64_t hidden,
              char* memory, int threads) {
  const Room room(memory, std::min(kPart, count), dim, hidden);
#pragma omp parallel num_threads(threads)
  for (int64_t begin = 0; begin < count; begin += kPart) {
    const int64_t rows = std::min(kPart, count - begin);
    float* at = x + begin * dim;
    projected_out(*layer, room, attended + begin * dim, rows, dim);
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; ++r) {
      normed(at + r * dim, room.added + r * dim, layer->mlp_norm, dim, false, room.normed + r * dim);
      ready(layer->gate_up, room, r, room.normed + r * dim);
    }
    fed_forward(*layer, room, rows, dim, hidden);
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < dim; ++i) at[r * dim + i] += room.added[r * dim + i];
  }
}

// One step: x [rows, dim] is changed; out [rows, dim] normed. cosines, sines [rows, width / 2]; positions [rows]: where
// the step's keys go.
void lm_step(const Layer* layers, const Cache* caches, int64_t count, const float* final_norm, float* x, float* out,
             const int64_t* positions, const float* cosines, const float* sines, int64_t rows, int64_t dim, int64_t heads,
             int64_t hidden, int64_t capacity, char* memory, int threads) {
  const Room room(memory, rows, dim, hidden);
  const int64_t width = dim / heads;
  const bool small = caches[0].key_scales != nullptr;
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> scores(capacity);
    for (int64_t l = 0; l < count; ++l) {
      const Layer& layer = layers[l];
#pragma omp for schedule(static)
      for (int64_t r = 0; r < rows; ++r) {
        normed(x + r * dim, l ? room.added + r * dim : nullptr, layer.attention_norm, dim, false,
               room.normed + r * dim);
        ready(layer.qkv, room, r, room.normed + r * dim);
      }
      product(layer.qkv, in(room, room.normed, dim), rows, room.projected, 3 * dim + kGap);
#pragma omp for schedule(dynamic)
      for (int64_t slot = 0; slot < rows * heads; ++slot) {
        const int64_t r = slot / heads, h = slot % heads;
        float* query = room.projected + r * (3 * dim + kGap) + h * width;
        float* target = room.attended + r * dim + h * width;
        const float *c = cosines + r * width / 2, *s = sines + r * width / 2;
        if (small)
          cached<int8_t>(query, query + dim, query + 2 * dim, caches[l], slot, capacity, positions[r], width, c, s,
                         scores.data(), target);
        else
          cached<float>(query, query + dim, query + 2 * dim, caches[l], slot, capacity, positions[r], width, c, s,
                        scores.data(), target);
      }
      projected_out(layer, room, room.attended, rows, dim);
#pragma omp for schedule(static)
      for (int64_t r = 0; r < rows; ++r) {
        normed(x + r * dim, room.added + r * dim, layer.mlp_norm, dim, false, room.normed + r * dim);
        ready(layer.gate_up, room, r, room.normed + r * dim);
      }
      fed_forward(layer, room, rows, dim, hidden);
    }
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; ++r)
      normed(x + r * dim, room.added + r * dim, final_norm, dim, false, out + r * dim);
  }
}

// All layers of the DiT: x [batch, length, dim] is changed; out [batch, last, dim] are the last rows after them.
// cosines, sines [length, half].
void dit_layers(const Layer* layers, int64_t count, float* x, float* out, const float* cosines, const float* sines,
                int64_t batch, int64_t length, int64_t last, int64_t dim, int64_t heads, int64_t hidden, int64_t half,
                char* memory, int threads) {
  const int64_t all = batch * length, width = dim / heads, padded = (length + 7) / 8 * 8;
  const Room room(memory, all, dim, hidden);
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> turned((width + 1) * padded);
    for (int64_t l = 0; l < count; ++l) {
      const Layer& layer = layers[l];
      // Of the last layer only the last rows go on: their queries look at the keys of all.
      const int64_t first = l + 1 == count ? length - last : 0, kept = length - first, rows = batch * kept;
#pragma omp for schedule(static)
      for (int64_t r = 0; r < all; ++r) {
        normed(x + r * dim, l ? room.added + r * dim : nullptr, layer.attention_norm, dim, true,
               room.normed + r * dim);
        ready(layer.qkv, room, r, room.normed + r * dim);
      }
      product(layer.qkv, in(room, room.normed, dim), all, room.projected, 3 * dim + kGap);
#pragma omp for schedule(dynamic)
      for (int64_t slot = 0; slot < batch * heads; ++slot) {
        const int64_t b = slot / heads, h = slot % heads;
        self_attended(room.projected + b * length * (3 * dim + kGap) + h * width, length, first, 3 * dim + kGap, dim, width,
                      cosines, sines, half, turned.data(), room.attended + b * kept * dim + h * width, dim);
      }
      projected_out(layer, room, room.attended, rows, dim);
#pragma omp for schedule(static)
      for (int64_t r = 0; r < rows; ++r) {
        float* row = x + (r / kept * length + first + r % kept) * dim;
        normed(row, room.added + r * dim, layer.mlp_norm, dim, true, room.normed + r * dim);
        ready(layer.gate_up, room, r, room.normed + r * dim);
      }
      fed_forward(layer, room, rows, dim, hidden);
    }
    const int64_t first = length - last;
#pragma omp for schedule(static)
    for (int64_t r = 0; r < batch * last; ++r) {
      const float* row = x + (r / last * length + first + r % last) * dim;
      const float* added = room.added + r * dim;
      for (int64_t i = 0; i < dim; ++i) out[r * dim + i] = row[i] + added[i];
    }
  }
}

}  // extern "C"
