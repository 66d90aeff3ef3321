package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '093f6add27808618d0ed016b5e4fcc041b9f6b848f8981b44908c9654a708931'
  static final String JOBS_SUM = '5cafd5192fb07563edc7b9e60fab282a69827865e68ad80f5f0e625cfb5f448c'

  private static final long serialVersionUID = 1L
}
