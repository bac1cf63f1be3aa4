internal import Compute

/// How the numbers are made, and whose definitions they follow.
extension Page {
  var methods: Markup {
    Page.section(
      "methods", "Methods",
      """
      <p><strong>Model.</strong> A power law with one smooth break and no additive limit [2], as in [1], with natural \
      logarithms and <span class="unit"><i>f</i><sub>1</sub> &gt; 0</span>:</p>
      <p class="formula"><i>L</i>(<i>t</i>) = <i>b</i> <i>t</i><sup>−<i>c</i><sub>0</sub></sup> \
      (1 + (<i>t</i> / <i>d</i><sub>1</sub>)<sup>1/<i>f</i><sub>1</sub></sup>)\
      <sup>−<i>c</i><sub>1</sub> <i>f</i><sub>1</sub></sup></p>
      <p><strong>Deceleration</strong> is a fall of the exponent: <i>c</i><sub>1</sub> &lt; 0. It is where the asymptotes \
      meet [1], which is below the curve:</p>
      <p class="formula"><i>t</i><sub>d</sub> = <i>d</i><sub>1</sub>, \u{2003} \
      <i>L</i><sub>d</sub> = <i>b</i> <i>t</i><sub>d</sub><sup>−<i>c</i><sub>0</sub></sup>, \u{2003} \
      <i>r</i><sub>d</sub> = <i>c</i><sub>0</sub> + <i>c</i><sub>1</sub>, \u{2003} \
      <i>L̂</i><sub>T</sub> = <i>L</i><sub>d</sub> (<i>t</i><sub>d</sub> / <i>T</i>)\
      <sup><i>r</i><sub>d</sub></sup></p>
      \(preparation)
      <p><strong>Fit.</strong> Unweighted least squares on log <i>L</i>. For given (<i>d</i><sub>1</sub>, \
      <i>f</i><sub>1</sub>) the other parameters follow from a linear system; these two are searched by a damped \
      Newton method from starts all over their range, as many as the notes say. RSLE is the root mean square of \
      <span class="unit">log <i>L̂</i> − log <i>L</i></span> over the fitted points. Intervals, where there are any, are the 2.5 % and \
      97.5 % percentiles of a parametric bootstrap [3]: the noise of the steps, an AR(1) of a size that changes along the run, is \
      drawn again, prepared as the losses were, and added to the fit, with what the fit leaves beyond it where that \
      is significant. Where only smoothed points are known, the noise of the steps is measured by how neighbouring points \
      differ, which share most of their windows, and how large it is is drawn, too, as few points tell it. Intervals are about the run as it was trained, not about training, and about the curve as it is prepared: smoothing moves \
      <i>t</i><sub>d</sub> to later steps.</p>
      <p><strong>Intervals of breaks.</strong> The law that is supported is fitted to means over windows that do not overlap; the noise of \
      these, and what the law leaves of them besides where that is significant, is drawn again and added to the law, which is fitted \
      again from every optimum that is near the best. Where more than 2.5 % of the resamples have a break at an end of the run, or two that \
      are no further apart than a window is wide, no interval is given. Exponents likewise.</p>
      <p><strong>Verdict.</strong> It is about a family of laws. Without a break: power laws plain, with a limit, with a limit \
      from another step, behind a warm-up, with a transient, a step or a cool-down; an exponent that drifts over more than two decades; \
      the sum of two; stretched exponentials; polynomials in log-log up to degree 7. With one: one break, one with a limit, two. Laws \
      are compared by the odds of their integrated likelihoods, by Laplace’s approximation with a unit-information prior [4], under \
      one model of the noise: that of the steps in each window, as an AR(1) of a size that changes along the run, and what the best \
      law leaves besides, if it is significant, as an Ornstein–Uhlenbeck process over log <i>t</i> by restricted maximum likelihood \
      [5]. <em>Deceleration</em>: the best law has a break to a slower power law, is so far ahead of every law without a break that \
      this is by chance at most one time in 20, and none without is ahead by odds of 19 to 1 without the start, or in predicting the second \
      half of the run from the first (where the loss falls faster again behind the break, which cannot be predicted: without the second \
      half), as far as each of these parts has \(BreakEvidence.fewest) windows. <em>Saturating</em>: the same, but behind the break the loss no longer falls. <em>Break at the \
      end of the warm-up</em>: the break is no later than the warm-up or, if that is not known, not to be told from it. <em>No \
      break</em>: a law without one is ahead of all with one by as much, or the loss falls faster behind it. Else it is <em>not decided</em>.</p>
      <ol class="sources">
      <li>Mircea et al., <cite>Training Dynamics Underlying Language Model Scaling Laws: Loss Deceleration and Zero-Sum \
      Learning</cite>, ACL 2025, arXiv 2506.05447.</li>
      <li>Caballero et al., <cite>Broken Neural Scaling Laws</cite>, ICLR 2023.</li>
      <li>Efron and Tibshirani, <cite>An Introduction to the Bootstrap</cite>, Chapman and Hall, 1993.</li>
      <li>Kass and Wasserman, <cite>A Reference Bayesian Test for Nested Hypotheses and Its Relationship to the Schwarz \
      Criterion</cite>, Journal of the American Statistical Association 90, 1995.</li>
      <li>Patterson and Thompson, <cite>Recovery of Inter-Block Information when Block Sizes are Unequal</cite>, Biometrika 58, \
      1971.</li>
      </ol>
      """)
  }
}
