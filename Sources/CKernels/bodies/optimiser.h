// Optimisers: elementwise, each factor derived in float64 and rounded once.

/// base^exponent by repeated squaring, so that it is the same everywhere.
INLINE double integer_power(double base, long exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

/// 1 / (1 - beta^step): the correction of an average that started from zero.
INLINE float unbiasing(double beta, long step) { return (float)(1 / (1 - integer_power(beta, step))); }

/// rate * m + (1 - rate) * g, as fma(rate, m, (1 - rate) g).
INLINE lanes mixed(double rate, lanes m, lanes g) { return fma16(splat((float)rate), m, (float)(1 - rate) * g); }

/// What every form of Adam divides by: sqrt(vhat) + epsilon.
INLINE lanes adam_divisor(lanes v, float unbias, double epsilon) { return sqrt16(v * unbias) + (float)epsilon; }

INLINE lanes decayed(lanes w, double learning_rate, double weight_decay) {
  return fma16(splat((float)-(learning_rate * weight_decay)), w, w);
}

void KERNEL(brake_adamw)(float *w, float *m, float *v, const float *g, long count, const brake_adamw_step *step) {
  const brake_adamw_step s = *step;
  const float unbias1 = unbiasing(s.beta1, s.step), unbias2 = unbiasing(s.beta2, s.step);
  for (long i = 0; i < count; i += 16) {
    lanes gradient = (float)s.gradient_scale * get(g, i, count);
    lanes first = mixed(s.beta1, get(m, i, count), gradient);
    lanes second = mixed(s.beta2, get(v, i, count), gradient * gradient);
    lanes update = first * unbias1 / adam_divisor(second, unbias2, s.epsilon);
    lanes weight = decayed(get(w, i, count), s.learning_rate, s.weight_decay);
    put(m, i, count, first);
    put(v, i, count, second);
    put(w, i, count, fma16(splat((float)-s.learning_rate), update, weight));
  }
}

long KERNEL(brake_cautious_moments)(float *m, float *v, const float *g, long count, const brake_adamw_step *step) {
  const brake_adamw_step s = *step;
  long aligned = 0;
  for (long i = 0; i < count; i += 16) {
    lanes gradient = (float)s.gradient_scale * get(g, i, count);
    lanes first = mixed(s.beta1, get(m, i, count), gradient);
    put(m, i, count, first);
    put(v, i, count, mixed(s.beta2, get(v, i, count), gradient * gradient));
    aligned -= __builtin_reduce_add(keep(first * gradient, count - i) > 0.0f);
  }
  return aligned;
}

void KERNEL(brake_cautious_apply)(
    float *w, const float *m, const float *v, const float *g, long count, const brake_adamw_step *step, double boost) {
  const brake_adamw_step s = *step;
  const float unbias1 = unbiasing(s.beta1, s.step), unbias2 = unbiasing(s.beta2, s.step);
  for (long i = 0; i < count; i += 16) {
    lanes gradient = (float)s.gradient_scale * get(g, i, count);
    lanes first = get(m, i, count);
    lanes update = first * unbias1 / adam_divisor(get(v, i, count), unbias2, s.epsilon);
    update = choose(first * gradient > 0.0f, update, splat(0));
    lanes weight = decayed(get(w, i, count), s.learning_rate, s.weight_decay);
    put(w, i, count, fma16(splat((float)-(s.learning_rate * boost)), update, weight));
  }
}

void KERNEL(brake_ademamix)(
    float *w, float *m, float *slow, float *v, const float *g, long count, const brake_ademamix_step *step) {
  const brake_ademamix_step s = *step;
  const float unbias1 = unbiasing(s.beta1, s.step), unbias2 = unbiasing(s.beta2, s.step);
  for (long i = 0; i < count; i += 16) {
    lanes gradient = (float)s.gradient_scale * get(g, i, count);
    lanes fast = mixed(s.beta1, get(m, i, count), gradient);
    lanes long_term = mixed(s.beta3, get(slow, i, count), gradient);
    lanes second = mixed(s.beta2, get(v, i, count), gradient * gradient);
    lanes update = fma16(splat((float)s.alpha), long_term, fast * unbias1);
    update = update / adam_divisor(second, unbias2, s.epsilon);
    lanes weight = decayed(get(w, i, count), s.learning_rate, s.weight_decay);
    put(m, i, count, fast);
    put(slow, i, count, long_term);
    put(v, i, count, second);
    put(w, i, count, fma16(splat((float)-s.learning_rate), update, weight));
  }
}

void KERNEL(brake_sgd)(float *w, float *buffer, const float *g, long count, const brake_sgd_step *step) {
  const brake_sgd_step s = *step;
  for (long i = 0; i < count; i += 16) {
    lanes gradient = (float)s.gradient_scale * get(g, i, count);
    lanes velocity = fma16(splat((float)s.momentum), get(buffer, i, count), gradient);
    lanes update = s.nesterov ? fma16(splat((float)s.momentum), velocity, gradient) : velocity;
    put(buffer, i, count, velocity);
    lanes weight = decayed(get(w, i, count), s.learning_rate, s.weight_decay);
    put(w, i, count, fma16(splat((float)-s.learning_rate), update, weight));
  }
}

void KERNEL(brake_muon_momentum)(
    float *update, float *buffer, const float *g, long count, double momentum, double gradient_scale, bool nesterov) {
  for (long i = 0; i < count; i += 16) {
    lanes gradient = (float)gradient_scale * get(g, i, count);
    lanes velocity = mixed(momentum, get(buffer, i, count), gradient);
    put(buffer, i, count, velocity);
    put(update, i, count, nesterov ? mixed(momentum, velocity, gradient) : velocity);
  }
}

void KERNEL(brake_muon_apply)(
    float *w, const float *update, long count, double learning_rate, double weight_decay, double factor) {
  const float rate = (float)-(learning_rate * factor);
  for (long i = 0; i < count; i += 16)
    put(w, i, count, fma16(splat(rate), get(update, i, count), decayed(get(w, i, count), learning_rate, weight_decay)));
}
