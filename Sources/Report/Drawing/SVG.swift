internal import System

/// A figure as SVG: free of ids, so that many can stand in one page; of dates; and of everything that a drawing needs
/// not. Alone it has a background and adapts to dark screens; in a page it takes both from there.
struct SVG: Sendable, Hashable {
  /// `svg.plot` with the figure's title and description, without background.
  private(set) var root: SVGElement

  /// Cleans what gnuplot drew.
  ///
  /// - Parameter attributes: further ones of the root, such as what the figure is drawn from.
  init(
    gnuplot drawing: [UInt8], of figure: Figure, attributes: [(name: String, value: String)] = []
  ) throws(Failure) {
    let drawn = try SVGElement(parsing: String(decoding: drawing, as: UTF8.self))
    guard drawn.name == "svg", let viewBox = drawn["viewBox"] else {
      throw Failure(.drawing, "gnuplot drew something that is not SVG")
    }
    let size = viewBox.split(separator: " ")
    guard size.count == 4 else { throw Failure(.drawing, "gnuplot drew an SVG without a size") }
    root = SVGElement(
      "svg",
      [
        ("xmlns", "http://www.w3.org/2000/svg"), ("class", "plot"), ("role", "img"),
        ("width", String(size[2])), ("height", String(size[3])), ("viewBox", viewBox),
        ("font-family", Theme.fontStack),
      ] + attributes,
      [
        .element(SVGElement("title", [], [.text(figure.title)])),
        .element(SVGElement("desc", [], [.text(figure.caption + "\n" + figure.findings)])),
      ] + SVG.cleaned(drawn.children))
  }

  /// Reads a file that `file` gave, and nothing else: no scripts, no links, no foreign content.
  init(file bytes: [UInt8]) throws(Failure) {
    root = try SVGElement(parsing: String(decoding: bytes, as: UTF8.self))
    guard root.name == "svg", root["class"] == "plot" else {
      throw Failure(
        .malformed, "the SVG is not a figure of brake's", hint: "give the output 'svg' of report.figure")
    }
    root.children.removeAll { node in
      if case .element(let element) = node {
        element.name == "style" || (element.name == "rect" && element["class"] == "paper")
      } else {
        false
      }
    }
    try SVG.check(root)
  }

  /// As a file of its own.
  var file: [UInt8] {
    var svg = root
    svg.children.insert(
      contentsOf: [
        .element(SVGElement("style", [], [.text(Theme.figureStyle)])),
        .element(
          SVGElement(
            "rect",
            [("class", "paper"), ("width", "100%"), ("height", "100%"), ("fill", Theme.paper.light)])),
      ], at: min(2, svg.children.count))
    return Array(("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + svg.markup + "\n").utf8)
  }

  /// As part of a page, whose style sheet holds `Theme.figureStyle`.
  var inline: Markup {
    var svg = root
    svg.attributes.removeAll { $0.name == "xmlns" }
    return Markup(verbatim: svg.markup)
  }

  /// What `data-figure` is where a message stands in place of a drawing.
  static let empty = "none"

  var title: String { text(of: "title") }
  /// How to read it; behind it the description says what is to be seen.
  var caption: String { String(text(of: "desc").prefix { !$0.isNewline }) }
  subscript(_ attribute: String) -> String? { root[attribute] }

  private func text(of name: String) -> String {
    guard case .text(let text)? = root.child(name)?.children.first else { return "" }
    return text
  }

  private static let allowed: [String: Set<String>] = [
    "svg": [
      "xmlns", "class", "role", "width", "height", "viewBox", "font-family", "data-figure", "data-source",
    ],
    "title": [], "desc": [],
    "g": textAttributes.union(["shape-rendering", "stroke", "stroke-width", "stroke-linecap", "transform"]),
    "path": ["d", "fill", "stroke", "stroke-width", "stroke-linecap", "stroke-dasharray"],
    "polygon": ["points", "fill"],
    "circle": ["cx", "cy", "r", "fill", "stroke", "stroke-width"],
    "text": textAttributes, "tspan": textAttributes,
  ]
  private static let textAttributes: Set<String> = [
    "xml:space", "font-size", "font-style", "font-weight", "text-anchor", "dx", "dy", "fill",
  ]

  private static func check(_ element: SVGElement) throws(Failure) {
    guard let attributes = allowed[element.name] else {
      throw Failure(
        .malformed, "the SVG has an element '\(element.name)', which brake's figures have not")
    }
    for attribute in element.attributes where !attributes.contains(attribute.name) {
      throw Failure(
        .malformed,
        "the SVG has an attribute '\(attribute.name)' in '\(element.name)', which brake's figures have not")
    }
    for case .element(let child) in element.children { try check(child) }
  }
}

// What gnuplot draws, made small and uniform.
extension SVG {
  private static func cleaned(_ nodes: [SVGElement.Node]) -> [SVGElement.Node] {
    var cleaned: [SVGElement.Node] = []
    var points: Points?
    for case .element(let element) in nodes {
      if element.name == "use", let point = Points(element) {
        if points?.add(point) != true {
          if let points { cleaned.append(.element(points.element)) }
          points = point
        }
        continue
      }
      if let points { cleaned.append(.element(points.element)) }
      points = nil
      if let element = self.cleaned(element) { cleaned.append(.element(element)) }
    }
    if let points { cleaned.append(.element(points.element)) }
    return cleaned
  }

  private static func cleaned(_ element: SVGElement) -> SVGElement? {
    switch element.name {
    case "title", "desc", "defs", "rect", "use": return nil
    case "text", "tspan":
      // Text keeps its spaces, and a span without text may carry the way back to the base line.
      var text = SVGElement(element.name, attributes(element))
      text.children = element.children.compactMap { node in
        if case .element(let child) = node { cleaned(child).map { .element($0) } } else { node }
      }
      if element.name == "text", text["xml:space"] == nil, text.child("tspan") != nil {
        // Spaces at the start of a span are meant.
        text.attributes.append(("xml:space", "preserve"))
      }
      return text.children.isEmpty && text["dy"] == nil ? nil : text
    default:
      let colour = element["color"]
      var attributes = attributes(element)
      for index in attributes.indices where attributes[index].value == "currentColor" {
        attributes[index].value = colour.map(hex) ?? Theme.ink.light
      }
      let children = cleaned(element.children)
      if element.name == "g" {
        if children.isEmpty { return nil }
        if attributes.isEmpty, children.count == 1, case .element(let only) = children[0] { return only }
      }
      return SVGElement(element.name, attributes, children)
    }
  }

  private static func attributes(_ element: SVGElement) -> [(name: String, value: String)] {
    element.attributes.compactMap { name, value in
      switch name {
      case "id", "class", "color", "font-family", "xlink:href", "stroke-linejoin": nil
      case "stroke-linecap" where value == "butt": nil
      case "fill", "stroke": (name, value == "none" || value == "currentColor" ? value : hex(value))
      case "d": (name, value.split(whereSeparator: \.isWhitespace).joined(separator: " "))
      default: (name, value)
      }
    }
  }

  /// `rgb(  0, 114, 178)` as `#0072b2`; what gnuplot draws in its own black is ink.
  private static func hex(_ colour: String) -> String {
    guard colour.hasPrefix("rgb(") else { return colour == "black" ? Theme.ink.light : colour.lowercased() }
    let digits = Array("0123456789abcdef")
    let parts = colour.dropFirst(4).dropLast().split(separator: ",").compactMap { part in
      UInt8(part.filter { !$0.isWhitespace })
    }
    return parts.reduce(into: "#") { $0 += "\(digits[Int($1 >> 4)])\(digits[Int($1 & 15)])" }
  }

  /// Points of one kind: discs become one path of dots with round caps, which takes a fifth of the bytes; rings stay
  /// circles, and all else becomes one path.
  private struct Points {
    let marker: Marker
    let radius: Double
    let colour: String
    /// In hundredths of a pixel, which is how gnuplot rounds.
    var places: [(x: Int, y: Int)]

    init?(_ use: SVGElement) {
      let prefix = "#gpPt"
      guard let shape = use["xlink:href"], let transform = use["transform"], let colour = use["color"],
        shape.hasPrefix(prefix), let number = Int(shape.dropFirst(prefix.utf8.count)),
        let marker = Marker(rawValue: number + 1)
      else { return nil }
      let numbers = transform.split { !($0.isNumber || $0 == "." || $0 == "-") }
      guard numbers.count == 3, let x = Points.hundredths(numbers[0]), let y = Points.hundredths(numbers[1]),
        let scale = Double(numbers[2]), scale.magnitude < 1e4
      else { return nil }
      self.marker = marker
      radius = scale
      self.colour = SVG.hex(colour)
      places = [(x, y)]
    }

    mutating func add(_ other: Points) -> Bool {
      guard marker != .ring, marker == other.marker, radius == other.radius, colour == other.colour else {
        return false
      }
      places += other.places
      return true
    }

    var element: SVGElement {
      if marker == .ring {
        return SVGElement(
          "circle",
          [
            ("cx", Points.pixels(places[0].x)), ("cy", Points.pixels(places[0].y)),
            ("r", Format.exact(radius)),
            ("fill", "none"), ("stroke", colour), ("stroke-width", "1.5"),
          ])
      }
      if marker != .disc {
        let look =
          marker.isFilled
          ? [("fill", colour), ("stroke", "none")]
          : [("fill", "none"), ("stroke", colour), ("stroke-width", "1.25")]
        return SVGElement("path", look + [("d", places.map(polygon).joined())])
      }
      return SVGElement(
        "path",
        [
          ("stroke", colour), ("stroke-width", Format.exact((radius * 200).rounded() / 100)),
          ("stroke-linecap", "round"), ("d", dots),
        ])
    }

    /// Strokes of no length, each a step from the last: neighbours are close, so steps have few digits.
    private var dots: String {
      var (x, y) = (0, 0)
      return places.map { place in
        let dot = "m\(Points.pixels(place.x - x)),\(Points.pixels(place.y - y))h0"
        (x, y) = place
        return dot
      }.joined()
    }

    private func polygon(at place: (x: Int, y: Int)) -> String {
      let corners = marker.corners.map { corner in
        let (x, y) = ((corner.x * radius * 100).rounded(), (corner.y * radius * 100).rounded())
        return "\(Points.pixels(place.x + Int(x))),\(Points.pixels(place.y + Int(y)))"
      }
      return "M\(corners.joined(separator: "L"))z"
    }

    private static func hundredths(_ number: Substring) -> Int? {
      guard let value = Double(number), value.magnitude < 1e6 else { return nil }
      return Int((value * 100).rounded())
    }

    private static func pixels(_ hundredths: Int) -> String { Format.exact(Double(hundredths) / 100) }
  }
}
