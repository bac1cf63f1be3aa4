import Glibc

/// Moments as the web and its services write them.
enum WebMoment {
  /// `Sun, 06 Nov 1994 08:49:37 GMT`.
  /// - Returns: seconds since 1970; nil for what is no such moment.
  static func seconds(_ text: String) -> Int? {
    // The names of days and months are not those of the user's language.
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let parts = text.split(separator: " ")
    guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(of: String(parts[2])) else {
      return nil
    }
    return seconds([parts[3], "\(month + 1)", parts[1]], parts[4])
  }

  /// `1994-11-06T08:49:37Z`, perhaps with parts of a second, or with the difference to that time, such as `+00:00`.
  /// - Returns: seconds since 1970; nil for what is no such moment.
  static func secondsOfISO(_ text: String) -> Int? {
    let sides = text.split(separator: "T")
    guard sides.count == 2 else { return nil }
    let time = sides[1].prefix { $0.isNumber || $0 == ":" || $0 == "." }
    guard let ahead = difference(sides[1].dropFirst(time.count)),
      let moment = seconds(sides[0].split(separator: "-"), time.prefix { $0 != "." })
    else { return nil }
    return moment - ahead
  }

  /// Seconds by which clocks are ahead where the difference to universal time is `Z`, `+01:00` or `-0530`.
  private static func difference(_ text: Substring) -> Int? {
    if text == "Z" { return 0 }
    guard let sign = text.first, sign == "+" || sign == "-" else { return nil }
    let digits = text.dropFirst().filter { $0 != ":" }
    guard digits.utf8.count == 4, digits.utf8.allSatisfy({ 48...57 ~= $0 }), let number = Int(digits),
      number / 100 < 24, number % 100 < 60
    else { return nil }
    return (sign == "-" ? -60 : 60) * (60 * (number / 100) + number % 100)
  }

  private static func seconds(_ date: [Substring], _ time: Substring) -> Int? {
    let date = date.compactMap { Int32($0) }
    let time = time.split(separator: ":").compactMap { Int32($0) }
    guard date.count == 3, 1970...9999 ~= date[0], 1...12 ~= date[1], 1...31 ~= date[2],
      time.count == 3, 0...23 ~= time[0], 0...59 ~= time[1], 0...60 ~= time[2]
    else { return nil }
    var moment = tm()
    (moment.tm_year, moment.tm_mon, moment.tm_mday) = (date[0] - 1900, date[1] - 1, date[2])
    (moment.tm_hour, moment.tm_min, moment.tm_sec) = (time[0], time[1], time[2])
    return timegm(&moment)
  }
}
