package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'b099e0c45ea484a4f2b0d86f5eed733d518f18946c9731c3eed6b58443b51f03'
  static final String JOBS_SUM = 'f4c0861dcec726ae163ca8deaf73aebf66e06645ff5e99819d1e1a7d35979632'

  private static final long serialVersionUID = 1L
}
