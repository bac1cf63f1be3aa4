import Artefacts
import Safetensors

/// What differs between two contents; nil if they are the same, byte for byte.
///
/// Folders are compared entry by entry. Files are compared as what both of them are: safetensors, JSON, a table, a text;
/// otherwise by their bytes. Of files that are larger than memory should hold no more than a few megabytes are there
/// at once.
public func compare(_ before: any Content, _ now: any Content) throws -> (any Difference)? {
  if let digest = before.digest, digest == now.digest { return nil }
  switch (before.isFolder, now.isFolder) {
  case (true, true): return try TreeDifference(before, now)
  case (false, false): return try compare(files: before, now)
  case (let wasFolder, _): return KindDifference(wasFolder: wasFolder)
  }
}

/// Bytes of a JSON file that is taken apart: its values take many times as much.
private let valuesLimit = 32 << 20
/// Bytes of a text or table.
private let textLimit = 64 << 20

private func compare(files before: any Content, _ now: any Content) throws -> (any Difference)? {
  let (old, new) = (try before.open(), try now.open())
  // Tensors that differ are not read twice, since they may be large.
  let tensors = try TensorsDifference(old, new)
  if let tensors, !tensors.isEmpty { return tensors }
  guard let bytes = try ByteDifference(old, new) else { return nil }
  if let tensors { return tensors }
  guard max(old.size, new.size) <= textLimit else { return bytes }
  let (oldBytes, newBytes) = (try old.prefix(textLimit), try new.prefix(textLimit))
  if max(old.size, new.size) <= valuesLimit, let before = StructuredText.value(oldBytes),
    let now = StructuredText.value(newBytes)
  {
    return ValuesDifference(before, now)
  }
  guard let oldText = StructuredText.text(oldBytes), let newText = StructuredText.text(newBytes) else {
    return bytes
  }
  if let delimiter = DelimitedTable.delimiter(of: oldBytes),
    delimiter == DelimitedTable.delimiter(of: newBytes),
    let before = DelimitedTable(oldBytes, delimiter), let now = DelimitedTable(newBytes, delimiter)
  {
    return TableDifference(before, now)
  }
  return TextLinesDifference(oldText, newText)
}
