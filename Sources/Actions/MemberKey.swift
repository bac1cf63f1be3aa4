/// The key by which a member of a keyed output, or an instance of a stage, is named. It becomes part of the names of
/// instances and of files.
public enum MemberKey {
  /// Refuses a key that a stage gave to a member of its output.
  public static func check(_ key: String, of output: String) throws(PipelineError) {
    if let fault = fault(of: key) {
      throw PipelineError("the output '\(output)' cannot have a member '\(key)': \(fault)")
    }
  }

  /// What is wrong with a key, as a sentence; nil if nothing is.
  public static func fault(of key: String) -> String? {
    if key.isEmpty { return "it is empty" }
    if key == "." || key == ".." || key == "*" { return "this text means something else" }
    if key.utf8.count > 200 { return "it has more than 200 bytes" }
    if key.first == " " || key.last == " " { return "it has a space at one of its ends" }
    for scalar in key.unicodeScalars {
      if "/,[]".unicodeScalars.contains(scalar) { return "it holds '\(scalar)'" }
      if scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) { return "it holds a control character" }
    }
    return nil
  }
}
