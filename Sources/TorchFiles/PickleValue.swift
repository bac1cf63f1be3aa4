/// What a pickle describes, as far as it is data. Nothing of it is ever called: an object of a class stays the name of the
/// class and what it was to be made from.
indirect enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case bytes([UInt8])
  case tuple([PickleValue])
  case list(PickleList)
  case dictionary(PickleDictionary)
  /// A class or function, by module and name.
  case global(String)
  /// What a function or class would be called with.
  case call(function: PickleValue, arguments: PickleValue)
  /// What stands outside of the pickle, by what names it: the storage of a tensor.
  case persistent(PickleValue)
}

/// Lists and dictionaries are shared by those who hold them, and filled later.
final class PickleList {
  var elements: [PickleValue] = []
}

final class PickleDictionary {
  var entries: [(key: PickleValue, value: PickleValue)] = []

  subscript(_ name: String) -> PickleValue? {
    entries.last { entry in
      if case .text(let key) = entry.key { key == name } else { false }
    }?.value
  }
}
