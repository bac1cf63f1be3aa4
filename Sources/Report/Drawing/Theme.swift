/// A colour and its counterpart on a dark page. Figures are drawn with the light one; a style sheet that selects
/// elements by it exchanges the two, so light colours are distinct.
package struct Colour: Sendable, Hashable {
  package let light: String
  package let dark: String
}

/// What figures and pages look like.
package enum Theme {
  package static let paper = Colour(light: "#ffffff", dark: "#15181c")
  package static let ink = Colour(light: "#2a2a2a", dark: "#e6e6e6")
  package static let muted = Colour(light: "#6e6e6e", dark: "#a0a4aa")
  package static let faint = Colour(light: "#bdbdbd", dark: "#5d636b")
  package static let hairline = Colour(light: "#e5e5e5", dark: "#2d3238")

  /// One colour a run, told apart by people of all kinds of colour vision (after Okabe and Ito's palette, darkened for
  /// thin lines on white and lightened for thin lines on black).
  package static let runs = [
    Colour(light: "#0072b2", dark: "#56b4f2"),
    Colour(light: "#d55e00", dark: "#ff9a57"),
    Colour(light: "#00845f", dark: "#2fca9c"),
    Colour(light: "#b0467f", dark: "#f08fc5"),
    Colour(light: "#997300", dark: "#e3bd45"),
    Colour(light: "#5a4fb0", dark: "#ada4ff"),
    Colour(light: "#7d4a35", dark: "#d9a285"),
    Colour(light: "#3f7f93", dark: "#8cd0e6"),
    Colour(light: "#6b7c00", dark: "#c3d24a"),
    Colour(light: "#a01c1c", dark: "#ff7f7f"),
    Colour(light: "#2f5233", dark: "#9bcf9f"),
    Colour(light: "#7a2fa0", dark: "#d59bf5"),
  ]

  /// Of the two factors of a quantity, which are no runs; apart in grey, too.
  static let factors = (
    Colour(light: "#00695c", dark: "#59d6c4"), Colour(light: "#c2185b", dark: "#ff8ab5")
  )

  /// From low to high, told apart in grey too; the same on paper and on a dark screen (after matplotlib's viridis).
  static let scale = ["#fde725", "#a0da39", "#4ac16d", "#1fa187", "#277f8e", "#365c8d", "#46327e", "#440154"]
    .map {
      Colour(light: $0, dark: $0)
    }

  static func run(_ index: Int) -> Colour { runs[index % runs.count] }

  /// Metrically alike where Helvetica is not installed, and what papers are set with.
  package static let fontStack = "Helvetica, Arial, 'Liberation Sans', sans-serif"

  /// Turns the light colours of every `svg.plot` into the dark ones on a screen that is set to dark.
  static let figureStyle: String = {
    let rules = ([paper, ink, muted, faint, hairline] + runs + [factors.0, factors.1]).map { colour in
      "svg.plot [fill=\"\(colour.light)\"]{fill:\(colour.dark)}"
        + "svg.plot [stroke=\"\(colour.light)\"]{stroke:\(colour.dark)}"
    }
    return "@media screen and (prefers-color-scheme:dark){\(rules.joined())}"
  }()
}
