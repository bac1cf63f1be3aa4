/// What became of a segment of which not all is needed.
struct CollectedSegment {
  /// Bytes that the folder of the segments is smaller by.
  var freed = 0
  var objects = 0
  var records = 0
}
