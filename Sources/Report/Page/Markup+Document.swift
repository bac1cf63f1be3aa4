extension Markup {
  /// A whole page of HTML, well-formed XML as well, in one file that needs no script and no network.
  /// - Parameters:
  ///   - title: of the page, and the heading at its top.
  ///   - sources: what the page may take from beside itself, as directives of a content security policy; nothing unless given.
  ///   - style: the style sheet.
  package static func document(
    title: String, allowing sources: String = "", style: String, sections: [Markup]
  ) -> [UInt8] {
    let policy = "default-src 'none'; style-src 'unsafe-inline'\(sources)"
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <meta name="color-scheme" content="light dark"/>
      <meta http-equiv="Content-Security-Policy" content="\(policy)"/>
      <title>\(title)</title>
      <style>
      \(Markup(verbatim: style))
      </style>
      </head>
      <body>
      <main>
      <h1>\(title)</h1>
      \(sections.joined(separator: "\n"))
      </main>
      </body>
      </html>

      """
    return Array(page.text.utf8)
  }
}
