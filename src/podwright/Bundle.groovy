package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'cb9ccac864639b988e5441d29003e67b537278eb94317cac6f844c2d3b670984'
  static final String JOBS_SUM = 'eb83470be41b3aa007fc7ce15cb18fef9b160ad1c5d2fa3bcb8120655fc51f37'

  private static final long serialVersionUID = 1L
}
