/// Why stored bytes are not an object. Becomes an `Failure` where the object's name is known.
struct Damage: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}
