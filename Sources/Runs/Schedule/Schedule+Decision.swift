extension Schedule {
  /// What is to be done next, by whoever carries it out.
  enum Decision: Hashable {
    /// Find out whether these are recorded; all that they depend on is done.
    case lookUp([Int])
    /// Run it: there is a place for it.
    case start(Int)
    /// Bring what it reads into the store.
    case fetch(Int)
    /// Wait until the process that computes it, or has what it needs, has done so or has died.
    case watch(Int)
    /// Wait until graphics processors are free that others than this run have.
    case waitForGraphics(Int)
    /// Make durable what these have computed.
    case store([Int])
    /// Call `due` with this number in so many seconds: results wait.
    case remind(Int, seconds: Double)
    /// Put the outputs of these where their stages publish them.
    case publish([Int])
  }

  /// How it decides.
  struct Options {
    /// Go on with what does not depend on a failed instance.
    var keepGoing = false
    /// How many instances are looked up in one go.
    var batch = 64
    /// How many such batches are under way at once.
    var lookups = 4
    /// No more are looked up while so many wait for a place, unless one is free and none of these fits into it: what is known of each
    /// takes some kilobytes of memory.
    var queue = 4096
    /// Results are made durable together, since a flush costs the same for one as for many: once there are so many,
    var group = 64
    /// or so many seconds of computing would be lost, or the first of them has waited so long,
    var patience = 0.25
    /// or a place is free and there is nothing else for it to do.
  }
}
