package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '590b418238e22056585068161467dad1402b4627c4da2fa64587ddd51cb1448a'
  static final String JOBS_SUM = '4c80e42cec3536ff123b3bf6522d51167264071c98813076f2bf449367467986'

  private static final long serialVersionUID = 1L
}
