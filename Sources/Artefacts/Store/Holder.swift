/// The file in which something stands: one of its own, or a segment with many others.
package enum Holder: Hashable, Sendable {
  case own(String)
  case segment(String)
}
