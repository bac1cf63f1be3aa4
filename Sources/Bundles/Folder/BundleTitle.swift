import JSON
public import System

/// What a bundle is called, and whose it is.
public struct BundleTitle: Hashable, Sendable {
  public let name: String
  public let description: String
  /// An identifier of the SPDX list, or an address; nil if none is stated.
  public let license: String?
  public let authors: [String]
  /// `2026-11-21`
  public let date: String

  /// - Throws: `.malformed` for what is no date.
  public init(
    name: String, description: String, license: String?, authors: [String], date: String
  ) throws(Failure) {
    guard BundleTitle.isDay(date) else {
      throw Failure(.malformed, "'\(date)' is no date", hint: "write it as in 2026-11-21")
    }
    self.name = name
    self.description = description
    self.license = license
    self.authors = authors
    self.date = date
  }

  var json: JSON {
    [
      "name": .string(name), "description": .string(description),
      "license": license.map { .string($0) } ?? .null,
      "authors": .array(authors.map { .string($0) }), "date": .string(date),
    ]
  }

  init(_ json: JSON) throws {
    guard let authors = json["authors"]?.array else { throw BundleManifest.malformed("title") }
    let license = json["license"] ?? .null
    try self.init(
      name: BundleManifest.text(json["name"], "name"),
      description: BundleManifest.text(json["description"], "description"),
      license: license.isNull ? nil : BundleManifest.text(license, "license"),
      authors: authors.map { try BundleManifest.text($0, "authors") },
      date: BundleManifest.text(json["date"], "date"))
  }

  private static func isDay(_ text: String) -> Bool {
    guard let match = text.wholeMatch(of: /([0-9]{4})-([0-9]{2})-([0-9]{2})/), let year = Int(match.1),
      let month = Int(match.2), let day = Int(match.3), 1...12 ~= month
    else { return false }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return 1...days[month - 1] ~= day
  }
}
