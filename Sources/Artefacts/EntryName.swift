/// The rule for every name that comes from data: of a member of a tree, of an output and its key in a record. Whatever
/// passes can stand alone as the name of a file in any folder, and can be shown on any terminal.
public enum EntryName {
  /// What is wrong with a name, to be put behind it in a message ("it holds a slash"); nil if nothing is.
  public static func fault(of name: String) -> String? {
    if name == "." || name == ".." { return "it means a folder" }
    if name.utf8.contains(UInt8(ascii: "/")) { return "it holds a slash" }
    return fault(of: name, limit: 255)
  }

  /// What is wrong with a text that is only shown: the name of a stage or the path of a source.
  static func fault(ofLabel label: String) -> String? { fault(of: label, limit: 4096) }

  private static func fault(of name: String, limit: Int) -> String? {
    if name.isEmpty { return "it is empty" }
    if name.utf8.count > limit { return "it has more than \(limit) bytes" }
    if name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      return "it holds a control character"
    }
    return nil
  }
}
