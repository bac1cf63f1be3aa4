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
      <p><strong>Preparation</strong> [1]. Point <i>j</i> of the loss is replaced by the mean of points ⌊<i>j</i> / 1.2⌋ to \
      <i>j</i>, then about a hundred points a decade are kept; the transient at the start is left out of the fit, \
      and drawn in grey.</p>
      <p><strong>Fit.</strong> Unweighted least squares on log <i>L</i>. For given (<i>d</i><sub>1</sub>, \
      <i>f</i><sub>1</sub>) the other parameters follow from a linear system; these two are searched by a damped \
      Newton method from many starts. RSLE is the root mean square of \
      <span class="unit">log <i>L̂</i> − log <i>L</i></span> over the fitted points. Standard errors are those of \
      independent points, from <i>s</i><sup>2</sup> (<i>J</i><sup>T</sup><i>J</i>)<sup>−1</sup>; smoothed points are not \
      independent, so the intervals are the 2.5 % and 97.5 % percentiles of a moving-block bootstrap of the \
      residuals [3].</p>
      <p><strong>Verdict.</strong> <em>No break</em>: a plain power law does as well by the Bayesian information \
      criterion [4], the exponent hardly changes or changes over the whole range of steps, the break lies behind the last \
      step, or the loss falls faster behind it. <em>Break at the end of the warm-up</em>: the break is no later than the \
      warm-up, or at the very start of the fitted points. <em>Saturating</em>: <i>r</i><sub>d</sub> &lt; 0. Otherwise \
      <em>deceleration</em>. A decay of the learning rate within the fitted steps does not fit this picture.</p>
      <ol class="sources">
      <li>Mircea et al., <cite>Training Dynamics Underlying Language Model Scaling Laws: Loss Deceleration and Zero-Sum \
      Learning</cite>, ACL 2025, arXiv 2506.05447.</li>
      <li>Caballero et al., <cite>Broken Neural Scaling Laws</cite>, ICLR 2023.</li>
      <li>Künsch, <cite>The Jackknife and the Bootstrap for General Stationary Observations</cite>, Annals of Statistics 17, \
      1989.</li>
      <li>Kass and Raftery, <cite>Bayes Factors</cite>, Journal of the American Statistical Association 90, 1995.</li>
      </ol>
      """)
  }
}
