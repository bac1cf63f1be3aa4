// Embeddings: gather forward, scatter-add backward, in the order of the rows.

void KERNEL(brake_embedding)(
    float *y, const float *table, const float *positions, const int32_t *tokens, long first, long last, long length,
    long columns) {
  for (long r = first; r < last; r++) {
    const float *row = table + (long)tokens[r] * columns;
    if (positions)
      KERNEL(brake_add)(y + r * columns, row, positions + r % length * columns, columns);
    else
      __builtin_memcpy(y + r * columns, row, (size_t)columns * sizeof(float));
  }
}

void KERNEL(brake_embedding_backward)(
    float *dtable, const float *dy, const int32_t *tokens, long rows, long columns, int32_t first_token,
    int32_t last_token) {
  for (long r = 0; r < rows; r++)
    if (tokens[r] >= first_token && tokens[r] < last_token) {
      float *row = dtable + (long)tokens[r] * columns;
      KERNEL(brake_add)(row, row, dy + r * columns, columns);
    }
}

void KERNEL(brake_position_backward)(
    float *dpositions, const float *dy, long batch, long length, long columns, long first_position, long last_position) {
  for (long p = first_position; p < last_position; p++)
    for (long b = 0; b < batch; b++) {
      float *row = dpositions + p * columns;
      KERNEL(brake_add)(row, row, dy + (b * length + p) * columns, columns);
    }
}
